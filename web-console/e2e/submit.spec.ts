import { Buffer } from 'node:buffer';
import { expect, test, type Page } from './page';

const taskAddress = /#\/tasks\/[0-9a-f]{64}/;

async function finished(page: Page): Promise<Record<string, unknown>> {
  const id = /tasks\/([0-9a-f]{64})/.exec(page.url())?.[1] ?? '';
  let task: Record<string, unknown> = {};
  await expect
    .poll(async () => {
      task = (await (await page.request.get(`/api/v1/tasks/${id}`)).json()) as Record<string, unknown>;
      return task['status'];
    }, { timeout: 45_000 })
    .toMatch(/completed|failed/);
  return task;
}

test('an example is submitted with two clicks from its form, with its price before', async ({ page }) => {
  await page.goto('/#/submit?job=range_reduce&example=1');
  await expect(page.getByText('The price appears')).toBeHidden();
  await expect(page.locator('.quote dd').first()).toContainText(/\d/);
  await expect(page.locator('#command-panel pre')).toContainText("--param 'expression=x ** 2'");
  await page.getByRole('button', { name: 'Submit', exact: true }).click();
  await expect(page).toHaveURL(taskAddress);
  expect(await finished(page)).toMatchObject({ status: 'completed', job_name: 'range_reduce' });
});

test('the form says what is wrong as one types, and keeps every digit', async ({ page }) => {
  await page.goto('/#/submit?job=range_reduce');
  const start = page.getByLabel('start', { exact: false }).first();
  await page.getByRole('button', { name: 'Submit', exact: true }).click();
  await expect(page.getByText('3 fields need attention.')).toBeVisible();
  await expect(start).toBeFocused();
  await start.fill('12x');
  await expect(page.getByText('This does not have the form')).toBeVisible();
  await start.fill('123456789012345678901234567890');
  await page.getByRole('tab', { name: 'JSON' }).click();
  const text = page.getByLabel('Parameters as JSON');
  await expect(text).toHaveValue(/"start": 123456789012345678901234567890/);
  await text.fill('{"start": 123456789012345678901234567890, "end":');
  await expect(page.getByText('This is not JSON yet: line 1')).toBeVisible();
  await text.fill('{"start": 123456789012345678901234567890, "end": 123456789012345678901234567899, "operation": "sum"}');
  await page.getByRole('tab', { name: 'Form' }).click();
  await expect(start).toHaveValue('123456789012345678901234567890');
  await page.getByRole('tab', { name: 'As curl' }).click();
  await expect(page.locator('#command-panel pre')).toContainText('"end":123456789012345678901234567899');
  await page.getByRole('button', { name: 'Submit', exact: true }).click();
  await expect(page).toHaveURL(taskAddress);
  expect(String((await finished(page))['result'])).toContain('1234567890123456789012345678945');
});

test('a file is hashed here, uploaded once, and used', async ({ page }) => {
  const bytes = Buffer.from('to be or not to be\n'.repeat(20_000));
  await page.goto('/#/submit?job=word_count');
  await page.setInputFiles('input[type=file]', { name: 'play.txt', mimeType: 'text/plain', buffer: bytes });
  await expect(page.getByText(/· (uploaded|the node has it already)/)).toBeVisible({ timeout: 30_000 });
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.setInputFiles('input[type=file]', { name: 'play.txt', mimeType: 'text/plain', buffer: bytes });
  await expect(page.getByText('the node has it already')).toBeVisible();
  await page.getByRole('radio', { name: 'None' }).check({ force: true });
  await expect(page.locator('#command-panel pre')).toContainText('--verify none');
  await expect(page.locator('.quote dd').first()).toContainText(/\d/);
  await page.getByRole('button', { name: 'Submit', exact: true }).click();
  await expect(page).toHaveURL(taskAddress);
  expect(await finished(page)).toMatchObject({ status: 'completed', verify: 'none' });
});

test('what is dropped to publish must be a component', async ({ page }) => {
  await page.goto('/#/jobs');
  await page.setInputFiles('input[type=file]', { name: 'x.wasm', mimeType: 'application/wasm', buffer: Buffer.from('hello') });
  await expect(page.getByText('is not a WebAssembly file')).toBeVisible();
  const module = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  await page.setInputFiles('input[type=file]', { name: 'module.wasm', mimeType: 'application/wasm', buffer: module });
  await expect(page.getByRole('alert')).toContainText('cargo p2pjob build');
});
