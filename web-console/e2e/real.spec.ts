// The console over a node of its own: what is published in the browser, what a viewer may do, and a node that dies while
// one looks and comes back.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Buffer } from 'node:buffer';
import { blake3 } from '@noble/hashes/blake3.js';
import { expect, test } from './page';
import { PROGRAM, SingleNode, p2pjob } from './program';

const node = new SingleNode();
test.beforeAll(() => node.start());
test.afterAll(() => node.remove());

const hashOf = (bytes: Uint8Array) => Buffer.from(blake3(bytes)).toString('hex');

/** A component that no node knows: a built-in one with a section that says nothing. */
function newComponent(): Buffer {
  const known = readFileSync(join(dirname(PROGRAM), 'jobs', 'bench_empty.wasm'));
  return Buffer.concat([known, Buffer.from([0, 5, 4, 0x65, 0x32, 0x65, 0x21])]);
}

test('a component is published, run, watched to its end, and its result fetched by hash', async ({ page }) => {
  const bytes = newComponent();
  const job = hashOf(bytes);
  await page.goto(`${node.http}/#/jobs`);
  await page.setInputFiles('input[type=file]', { name: 'mine.wasm', mimeType: 'application/wasm', buffer: bytes });
  await expect
    .poll(async () => (await page.request.get(`${node.http}/api/v1/jobs/${job}`)).status(), { timeout: 30_000 })
    .toBe(200);
  await page.goto(`${node.http}/#/submit?job=${job}`);
  await page.getByLabel('chunks', { exact: false }).first().fill('300');
  await expect(page.locator('.quote dd').first()).toContainText(/\d/);
  await page.getByRole('button', { name: 'Submit', exact: true }).click();
  await expect(page).toHaveURL(/#\/tasks\/[0-9a-f]{64}/);
  await expect(page.getByText('300 of 300 accepted')).toBeVisible();
  const id = /tasks\/([0-9a-f]{64})/.exec(page.url())?.[1] ?? '';
  const task = (await (await page.request.get(`${node.http}/api/v1/tasks/${id}`)).json()) as { job: string; result_hash: string };
  expect(task.job).toBe(job);
  const result = await (await page.request.get(`${node.http}/api/v1/blobs/${task.result_hash}`)).body();
  expect(hashOf(result)).toBe(task.result_hash);
  expect(result.toString().trim()).toBe('300');
});

test('a viewer looks and may not submit', async ({ page }) => {
  const { token } = p2pjob(node, ['token', 'new', '--role', 'viewer', '--name', 'vera']);
  await page.goto(`${node.http}/#/login`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await expect(page.getByText('vera', { exact: true })).toBeVisible();
  await page.goto(`${node.http}/#/submit?job=bench_empty`);
  await page.getByLabel('chunks', { exact: false }).first().fill('3');
  await expect(page.getByRole('button', { name: 'Submit', exact: true })).toHaveAttribute('aria-disabled', 'true');
  // And the node says the same to who does not ask the console.
  const body = { job: 'bench_empty', params: { chunks: 1 } };
  const refused = await page.request.post(`${node.http}/api/v1/tasks`, { data: body, headers: { 'x-p2pjob-csrf': '1' } });
  expect(refused.status()).toBe(403);
  const problem = (await refused.json()) as { code: string; detail: string };
  expect(problem.code).toBe('wrong_role');
  expect(problem.detail).toContain('submitter');
});

test('a node that dies while one looks is found again, with its tasks and the login', async ({ page }) => {
  const { token } = p2pjob(node, ['token', 'new', '--role', 'operator', '--name', 'otto']);
  await page.goto(`${node.http}/#/login`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await expect(page.getByText('otto', { exact: true })).toBeVisible();
  await page.goto(`${node.http}/#/tasks`);
  const rows = page.getByRole('row').filter({ hasText: 'bench_empty' });
  await expect(rows).toHaveCount(1);
  await node.kill();
  await expect(page.getByText('The node does not answer.')).toBeVisible({ timeout: 60_000 });
  // What was known stays in sight.
  await expect(rows).toHaveCount(1);
  await node.start();
  await expect(page.getByText('The node was restarted.')).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  p2pjob(node, ['submit', 'bench_empty', '--param', 'chunks=2', '--verify', 'none', '--wait']);
  await expect(rows).toHaveCount(2);
  await expect(page.getByText('otto', { exact: true })).toBeVisible();
});
