// Takes the README's pictures of each view, after a little has happened: make screenshots.
import { after, test } from 'node:test'
import { base, browser, button, go, place, sees } from './browser.mjs'

const folder = process.env.SCREENSHOTS

// open is a page with its own language and colours, at the size of a picture.
async function open(options, view = 'live') {
  const context = await browser.newContext({ locale: 'en-US', colorScheme: 'light', viewport: { width: 1200, height: 820 }, reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  await page.goto(base + '#/' + view)
  await page.getByRole('heading', { level: 1 }).waitFor()
  return page
}

const shoot = (page, name) => page.screenshot({ path: `${folder}/console-${name}.png`, animations: 'disabled' })

test('pictures', { timeout: 120_000 }, async () => {
  const page = await open({})
  await button(page, 'Tongli pushes a park').click()
  await sees(page, 'is known')
  await button(page, 'A driver leases tomorrow night').click()
  await sees(page, 'The gate knows')
  await shoot(page, 'live')

  await page.locator('.row').filter({ hasText: 'SynLeaseOrder' }).first().click()
  await page.locator('dialog .code').nth(2).waitFor()
  await shoot(page, 'call')
  await page.keyboard.press('Escape')

  await go(page, 'Parks')
  await page.locator('.list button').nth(4).click()
  await page.locator('.week').waitFor()
  await page.setViewportSize({ width: 1200, height: 1060 })
  await shoot(page, 'parks')
  await page.setViewportSize({ width: 1200, height: 820 })

  await go(page, 'Orders')
  await place(page, 'SZ0012', '苏E·D12345')
  await page.locator('.order').filter({ hasText: '苏ED12345' }).getByText('delivered', { exact: true }).waitFor()
  await page.getByLabel('From').fill('09:00')
  await page.getByLabel('To').fill('11:30')
  await button(page, 'Place the order').click()
  await sees(page, 'Not placed (42201)')
  await page.locator('.order summary').first().click()
  await shoot(page, 'orders')

  await go(page, 'Tongli')
  await button(page, 'Down (503)').click()
  await sees(page, 'Fault set')
  await go(page, 'Orders')
  await place(page, 'SZ0012', '沪A66668')
  await sees(page, 'HTTP 503')
  await go(page, 'Tongli')
  await sees(page, 'missing there')
  await shoot(page, 'tongli')

  const sign = await open({ locale: 'zh-CN' }, 'sign')
  await button(sign, '看一个错误示例').click()
  await sign.locator('.difference').waitFor()
  await sign.setViewportSize({ width: 1200, height: 950 })
  await shoot(sign, 'sign')

  const phone = await open({ locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 820 } })
  await phone.locator('.row').first().waitFor()
  await shoot(phone, 'phone')
})

after(() => browser.close())
