import { expect, test } from 'vitest'
import { addVia } from '../../../broker/bridge/via.ts'

const via = (text: string, site: string): string => addVia(Buffer.from(text), site).toString()

test.each([
  ['the first site', '{"a":1}', '{"a":1,"via":["plant1"]}'],
  ['behind another', '{"via":["cell"]}', '{"via":["cell","plant1"]}'],
  ['once, however often it goes round', '{ "via": ["plant1", "region"] }', '{ "via": ["plant1", "region"] }'],
  ['not in what is no object', '[1]', '[1]'],
])('a site stands there: %s', (_what, before, after) => {
  expect(via(before, 'plant1')).toBe(after)
})
