// A task watched to its end: the grid, the evidence against a liar, replay, failure, cancel, and the result's hash.
import { Network, p2pjob } from './program';
import { expect, seriousFindings, test, type Page } from './page';

let network: Network;

test.beforeAll(async () => {
  network = await Network.start(['--nodes', '5', '--liars', '1']);
});
test.afterAll(async () => {
  await network.stop();
});

const open = (page: Page, path: string) => page.goto(`${network.first.http}/#${path}`);
const post = async (page: Page, body: object): Promise<string> => {
  const answer = await page.request.post(`${network.first.http}/api/v1/tasks`, { data: body, headers: { 'x-p2pjob-csrf': '1' } });
  expect(answer.status(), await answer.text()).toBe(201);
  return ((await answer.json()) as { task_id: string }).task_id;
};

test('who contradicts is named, with evidence that can be replayed', async ({ page }) => {
  const args = ['--param', 'start=1', '--param', 'end=20000', '--param', 'operation=sum', '--chunk-size', '100', '--wait'];
  const task = p2pjob(network.first, ['submit', 'range_reduce', ...args]);
  const [liar, chunk] = (task['liars'] as [string, number][])[0] ?? ['', 0];
  await open(page, `/tasks/${task.task_id}`);
  await expect(page.getByText('200 of 200 accepted')).toBeVisible();
  await expect(page.getByText(/contradicted .* accepted result/)).toBeVisible();
  await page.getByRole('button', { name: `Chunk ${chunk}`, exact: true }).click();
  const drawer = page.getByRole('dialog');
  await expect(drawer.getByText('contradicted', { exact: true })).toBeVisible();
  await expect(drawer.getByRole('link', { name: liar.slice(0, 8) })).toBeVisible();
  expect(await seriousFindings(page)).toEqual([]);
  const record = (await (await page.request.get(`${network.first.http}/api/v1/tasks/${task.task_id}/chunks/${chunk}`)).json()) as {
    replicas: { attempt: number; verdict: string }[];
  };
  const wrong = record.replicas.find((replica) => replica.verdict === 'wrong');
  await drawer.getByRole('button', { name: `#${wrong?.attempt}`, exact: true }).click();
  await expect(drawer.getByText('another outcome')).toBeVisible();
  await expect(drawer.getByText('reported something else')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(drawer).toBeHidden();
});

test('the result is shown, and its bytes are the hash', async ({ page }) => {
  const data = JSON.stringify(Array.from({ length: 300 }, (_, at) => at));
  const task = p2pjob(network.first, ['submit', 'map', '--param', 'function=x * 2', '--param', `data=${data}`, '--wait']);
  await open(page, `/tasks/${task.task_id}/result`);
  await page.getByRole('button', { name: 'Verify' }).click();
  await expect(page.getByText('the bytes match the hash')).toBeVisible();
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  await expect(page.getByText('Rows: 300, columns: 1')).toBeVisible();
  await page.getByRole('columnheader', { name: 'value' }).getByRole('button').click();
  await expect(page.locator('tbody td').first()).toHaveText('598');
  await page.getByRole('button', { name: 'Tree', exact: true }).click();
  await page.getByPlaceholder('Search keys and values').fill('598');
  await expect(page.getByText('1 of 1')).toBeVisible();
  await expect(page.getByRole('treeitem', { name: '299 598' })).toBeVisible();
  await page.getByRole('button', { name: 'Plot', exact: true }).click();
  await expect(page.locator('.uplot canvas')).toBeVisible();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download' }).click();
  expect((await download).suggestedFilename()).toMatch(/^map-[0-9a-f]{8}\.json$/);
});

test('a running task is watched to its end, by keyboard too', async ({ page }) => {
  const id = await post(page, { job: 'bench_empty', params: { chunks: 20_000, salt: 5 }, config: { verify: 'quorum:2' } });
  await open(page, `/tasks/${id}`);
  await expect(page.locator('canvas').first()).toBeVisible();
  await expect(page.getByText('20,000 of 20,000 accepted')).toBeVisible({ timeout: 50_000 });
  await expect(page.getByText('completed').first()).toBeVisible();
  const grid = page.getByRole('application', { name: 'Grid of 20,000 chunks' });
  await grid.focus();
  await page.keyboard.press('+');
  await page.keyboard.press('End');
  await expect(page.getByText(/^Chunk 19,999 · accepted/)).toBeAttached();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Chunk 19,999' })).toBeFocused();
  await expect(page).toHaveURL(/chunk=19999/);
});

test('a failed task says what failed, where, and how to see it again', async ({ page }) => {
  const task = p2pjob(network.first, ['submit', 'bench_empty', '--param', 'chunks=20', '--param', 'fail_every=5', '--wait'], true);
  await open(page, `/tasks/${task.task_id}/logs`);
  await expect(page.getByText('The task failed')).toBeVisible();
  await expect(page.getByText(/failed on purpose/).first()).toBeVisible();
  await page.getByRole('tab', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Next problem' }).click();
  await expect(page.getByText(/^Chunk \d+ · failed/)).toBeAttached();
  await page.getByRole('tab', { name: 'Events' }).click();
  await expect(page.getByRole('listitem').filter({ hasText: 'Submitted' })).toBeVisible();
});

test('a task that waits says why, and is cancelled with a reason', async ({ page }) => {
  const id = await post(page, { job: 'bench_empty', params: { chunks: 30, salt: 6 }, config: { verify: 'quorum:7' } });
  await open(page, `/tasks/${id}/explain`);
  await expect(page.getByText(/more distinct node/).first()).toBeVisible();
  await expect(page.getByText('What to do:').first()).toBeVisible();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('textbox', { name: /Reason/ }).fill('too few nodes');
  await page.getByRole('button', { name: 'Cancel the task' }).click();
  await expect(page.getByText('The task was cancelled')).toBeVisible();
  await expect(page.getByText('too few nodes')).toBeVisible();
  await open(page, '/tasks?status=cancelled');
  await expect(page.getByRole('link', { name: 'bench_empty' })).toBeVisible();
  await page.getByRole('searchbox').fill(id.slice(0, 10));
  await expect(page).toHaveURL(new RegExp(`q=${id.slice(0, 10)}`));
  await expect(page.getByRole('link', { name: 'bench_empty' })).toBeVisible();
});

test('where a result comes from is a graph of links, and a list of sentences', async ({ page }) => {
  const args = ['--param', 'start=1', '--param', 'end=500', '--param', 'operation=sum', '--chunk-size', '50', '--wait'];
  const task = p2pjob(network.first, ['submit', 'range_reduce', ...args]);
  await open(page, `/tasks/${task.task_id}/provenance`);
  await expect(page.locator('svg a').filter({ hasText: 'range_reduce' })).toBeVisible();
  await page.getByText('The same in words').click();
  await expect(page.getByText(task.result_hash)).toBeVisible();
  expect(await seriousFindings(page)).toEqual([]);
});
