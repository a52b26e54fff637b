// One browser for all tests; each page is watched for what must never happen.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chromium } from 'playwright-core'

export const base = process.env.CONSOLE_URL + '/'
export const tongli = process.env.TONGLI_URL
const host = new URL(base).host

export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] })

// story opens a page at a view, hands it to tell, and then holds it to: no error on the console, no request to another host,
// no secret on the screen. refused lists the HTTP statuses that the test provokes: Chromium reports each on the console.
export function story(name, options, tell) {
  const { view = 'live', locale = 'en-US', colorScheme = 'light', viewport = { width: 1280, height: 900 }, refused = [] } = options
  test(name, { timeout: 120_000 }, async () => {
    const context = await browser.newContext({ locale, colorScheme, viewport, reducedMotion: 'reduce' })
    context.setDefaultTimeout(30_000)
    const wrong = [], told = []
    context.on('request', (r) => { const at = new URL(r.url()); if (at.host !== host && at.protocol !== 'data:') wrong.push('request to ' + r.url()) })
    context.on('requestfailed', (r) => { if (!r.url().includes('/events')) told.push('failed ' + r.url() + ' ' + r.failure()?.errorText) })
    context.on('weberror', (e) => wrong.push('error ' + e.error()))
    context.on('console', (m) => {
      if (m.type() === 'error' || m.type() === 'warning') {
        if (!refused.some((status) => m.text().includes('status of ' + status))) wrong.push(m.type() + ' ' + m.text())
      }
    })
    try {
      const page = await context.newPage()
      await page.goto(base + '#/' + view)
      await page.getByRole('heading', { level: 1 }).waitFor()
      await tell(page)
      assert.ok(!(await page.content()).includes(process.env.SECRET), 'the secret is on the page')
      assert.deepEqual(wrong, [])
    } catch (e) {
      e.message += '\nthe page: ' + [...wrong, ...told].join('\n')
      throw e
    } finally {
      await context.close()
    }
  })
}

// sees waits until a text, or what a locator finds, is on the page, once or more often.
export const sees = (page, what) => (typeof what === 'string' || what instanceof RegExp ? page.getByText(what) : what).first().waitFor()

export const button = (page, name, exact) => page.getByRole('button', { name, exact })

// go follows a link of the navigation.
export async function go(page, name) {
  await page.getByRole('navigation').getByRole('link', { name }).click()
  await page.getByRole('heading', { level: 1, name }).waitFor()
}

export const order = (page, plate) => page.locator('.order').filter({ hasText: plate })

// place fills the form of the Orders view; the page is there already.
export async function place(page, park, plate) {
  await page.getByLabel('Park (park_sn)').fill(park)
  await page.getByLabel('Plate', { exact: true }).fill(plate)
  await button(page, 'Place the order').click()
}
