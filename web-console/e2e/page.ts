// What every browser test begins with: a page whose own mistakes fail the test.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test as base, type Page } from '@playwright/test';

export { expect, type Page };

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const test = base.extend({
  page: async ({ page }, use) => {
    const mistakes: string[] = [];
    page.on('pageerror', (error) => mistakes.push(error.message));
    page.on('console', (message) => {
      // A refused or missing answer is drawn by the page; what the policy refuses is a mistake.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) mistakes.push(message.text());
    });
    await use(page);
    expect(mistakes, 'errors in the page').toEqual([]);
  },
});

interface Violation {
  impact: string;
  id: string;
  nodes: { target: string[] }[];
}

/** Serious findings of axe. Evaluated through the debugger, which the content security policy does not bind. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations)')) as Violation[];
  return found
    .filter((one) => one.impact === 'serious' || one.impact === 'critical')
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(' ')).join(', ')}`);
}

/** Whether the page is wider than the window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
