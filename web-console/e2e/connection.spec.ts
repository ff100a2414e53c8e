import { expect, test } from './page';

test('a lost connection is said, and found again by itself', async ({ page, context }) => {
  await page.goto('/');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  await page.route('**/api/v1/**', (route) => route.abort('connectionrefused'));
  await context.setOffline(true);
  await expect(page.getByText('The node does not answer.')).toBeVisible({ timeout: 60_000 });
  await page.unroute('**/api/v1/**');
  await context.setOffline(false);
  await page.getByRole('button', { name: 'Try now' }).click();
  await expect(page.getByText('Connected again. Nothing was missed.')).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('a restarted node is noticed, and everything is loaded again', async ({ page, context }) => {
  let restarted = false;
  await page.route('**/api/v1/network/status', async (route) => {
    const response = await route.fetch();
    const status = (await response.json()) as { started_at: number };
    if (restarted) status.started_at += 60_000;
    await route.fulfill({ response, json: status });
  });
  await page.goto('/');
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  restarted = true;
  const reloaded = page.waitForRequest('**/api/v1/peers*');
  await context.setOffline(true);
  await context.setOffline(false);
  await expect(page.getByText('The node was restarted.')).toBeVisible({ timeout: 20_000 });
  await reloaded;
  await page.getByRole('button', { name: 'Close' }).first().click();
  await expect(page.getByText('The node was restarted.')).toBeHidden();
});
