// The signature debugger: a mistake found for certain, and a call of the Live view explained.
import assert from 'node:assert/strict'
import { button, go, sees, story } from './browser.mjs'

story('a mistake is named', { view: 'sign' }, async (page) => {
  await button(page, 'Explain').click()
  await sees(page, 'this is how to sign it')
  await button(page, 'Show a mistake').click()
  await sees(page, 'the strings differ')
  await sees(page, 'certain')
  const difference = await page.locator('.difference').innerText()
  assert.match(difference, /park_sn/)
  assert.match(difference, /%20/)
  await button(page, 'Begin anew').click()
  await sees(page, 'Give a request, or choose a signed call in Live.')
})

story('a call of Live is explained', {}, async (page) => {
  await page.locator('.row').filter({ hasText: 'POST /lease/park' }).first().click()
  await page.getByRole('link', { name: 'Explain its signature' }).click()
  await sees(page, page.getByRole('heading', { level: 1, name: 'Sign' }))
  await sees(page, page.locator('.verdict .badge', { hasText: /^equal$/ }))
  assert.equal(await page.locator('.verdict .bad-text').count(), 0, 'nothing else is wrong with it')
  await go(page, 'Orders')
  await go(page, 'Sign')
  assert.equal(await page.getByLabel('Path').inputValue(), '/lease/park', 'what was asked is still there')
})
