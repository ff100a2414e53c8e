import { expect, overflow, seriousFindings, test } from './page';

const PAGES = ['/', '/submit', '/submit?job=range_reduce&example=1', '/submit?job=map', '/submit?job=word_count', '/jobs', '/jobs/range_reduce', '/tasks', '/blobs', '/nodes', '/prices', '/ledger', '/reputation', '/settings', '/audit', '/login', '/nowhere'];
const WIDTHS = [360, 1280, 3840];

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of WIDTHS) {
    test(`pages at ${width} px, ${colorScheme}`, async ({ browser }) => {
      test.setTimeout(180_000);
      const page = await browser.newPage({ viewport: { width, height: width > 2000 ? 2160 : 800 }, colorScheme });
      for (const path of PAGES) {
        await page.goto(`/#${path}`);
        await expect(page.locator('h1').first()).toBeVisible();
        await page.waitForLoadState('load');
        await expect(page.locator('.skeleton').first()).toBeHidden();
        const name = path.replace(/[^a-z_]+/g, '-').replace(/^-|-$/g, '') || 'overview';
        await page.screenshot({ path: `test-results/pages/${name}-${width}-${colorScheme}.png`, fullPage: true });
        expect.soft(await overflow(page), `${path} is wider than ${width} px`).toBeLessThanOrEqual(0);
        expect.soft(await seriousFindings(page), path).toEqual([]);
      }
      await page.close();
    });
  }
}

test('the language changes everything, at once', async ({ page }) => {
  await page.goto('/');
  await page.getByLabel('Language').selectOption('ru');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Обзор');
  await expect(page.locator('html')).toHaveAttribute('lang', 'ru');
  await page.reload();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Обзор');
});

test('the keyboard reaches the content first, and every page has its title', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Skip to the content' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('main')).toBeFocused();
  await page.goto('/#/jobs');
  await expect(page).toHaveTitle('Jobs · p2pjob');
});

test('a viewer sees why not', async ({ page }) => {
  await page.route('**/api/v1/session', async (route) => {
    const response = await route.fetch();
    const session = (await response.json()) as object;
    await route.fulfill({ response, json: { ...session, role: 'viewer' } });
  });
  await page.goto('/#/submit?job=range_reduce&example=1');
  const submit = page.getByRole('button', { name: 'Submit', exact: true });
  await expect(submit).toHaveAttribute('aria-disabled', 'true');
  await submit.click({ force: true });
  await expect(page).toHaveURL(/#\/submit/);
  await expect(page.getByText('This needs the role “submitter” or a higher one.').first()).toBeVisible();
});

test('a wrong token is refused in words', async ({ page }) => {
  await page.goto('/#/login');
  await page.getByLabel('Token').fill('no-such-token');
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await expect(page.getByRole('alert')).toBeVisible();
});
