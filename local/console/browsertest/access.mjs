// For everybody: both languages, keyboard, screen reader (axe), light and dark, phone width.
import assert from 'node:assert/strict'
import AxeBuilder from '@axe-core/playwright'
import { base, button, sees, story } from './browser.mjs'

const views = { live: ['Live', '实时'], parks: ['Parks', '车场'], orders: ['Orders', '订单'], tongli: ['Tongli', '同利'], sign: ['Sign', '签名'] }

story('Chinese by the browser, English by the switch, remembered', { locale: 'zh-CN' }, async (page) => {
  const h1 = (name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
  for (const [view, [, zh]] of Object.entries(views)) {
    await page.goto(base + '#/' + view)
    await h1(zh)
  }
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN')
  assert.match(await page.title(), /错峰停车/)
  await button(page, 'Switch to English').click()
  await h1('Sign')
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en')
  await page.reload()
  await h1('Sign')
  await button(page, '切换到中文').click()
  await h1('签名')
})

story('by keyboard alone', {}, async (page) => {
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.innerText), 'Skip to content')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main')
  await page.keyboard.press('Tab')
  assert.match(await page.evaluate(() => document.activeElement.innerText), /Tongli pushes a park/)
  await page.keyboard.press('Enter')
  await sees(page, 'is known')
  assert.match(await page.evaluate(() => document.activeElement.innerText), /Tongli pushes a park/, 'the focus stays')
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)
  assert.equal(outline, 'solid', 'the focus can be seen')
})

// Colours do not depend on the width, nor the layout on the colours: two of the four are enough.
for (const [scheme, width] of [['light', 1280], ['dark', 390]]) {
  story(`axe and width: ${scheme}, ${width} px`, { colorScheme: scheme, viewport: { width, height: 850 }, locale: width === 390 ? 'zh-CN' : 'en-US' }, async (page) => {
    for (const view of Object.keys(views)) {
      await page.goto(base + '#/' + view)
      await page.getByRole('heading', { level: 1, name: views[view][width === 390 ? 1 : 0], exact: true }).waitFor()
      await { live: () => page.locator('.row').first().waitFor(), parks: () => page.locator('.list button').nth(2).click(), orders: () => page.locator('.order').first().waitFor(),
        tongli: () => page.locator('.whitelist').waitFor(), sign: () => page.locator('form .buttons button').nth(1).click().then(() => page.locator('.difference').waitFor()) }[view]()
      await judge(page, view)
      if (view === 'live') {
        await page.locator('.row').filter({ hasText: 'SynLeaseOrder' }).first().click()
        await page.locator('dialog .code').nth(2).waitFor()
        await judge(page, 'details')
        await page.keyboard.press('Escape')
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      assert.ok(wide <= 0, `${view} is ${wide} px too wide at ${width}`)
    }
  })
}

async function judge(page, where) {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']).analyze()
  const bad = violations.filter((v) => ['serious', 'critical'].includes(v.impact))
  assert.deepEqual(bad.map((v) => `${where}: ${v.id} ${v.nodes.map((n) => n.target + ' ' + (n.any[0]?.message ?? '')).join('; ')}`), [])
}
