/** Which images go, and by which names. */
import { expect, test } from 'vitest'
import { imagesToRemove } from '../../agent/disk/images-to-remove.ts'
import { nextName } from '../../agent/disk/next-name.ts'
import { withHistory } from '../../agent/reconcile/history.ts'
import type { AppRecord } from '../../agent/store/app-record.ts'
import { assignment, committed, serviceModel } from '../support/builders.ts'

const model = serviceModel({ web: { image: 'shop:1' } })
const bare = (changes: Partial<AppRecord> = {}): AppRecord => {
  const { accepted, ...rest } = committed(assignment(model))
  if (accepted === undefined) throw new Error('a committed record is accepted')
  return {
    ...rest,
    accepted: { ...accepted, images: { 'shop:1': 'accepted' } },
    lastGood: undefined,
    ...changes,
  } as never
}
const kept = (id: string) => ({ ...bare().accepted?.deployment, images: { 'shop:0': id } }) as never
/** In the order in which they came, while the clock went back. */
const pulled = (...ids: string[]) => ids.map((id, index) => ({ id, reference: `${id}:1`, at: 100 - index }))
const inUse = new Set<string>()

test('what no record and no container needs goes, the oldest first', () => {
  expect(imagesToRemove({ records: [], pulled: pulled('oldest', 'old', 'new'), inUse })).toEqual([
    'oldest',
    'old',
    'new',
  ])
})

test.each([
  ['the accepted release', bare(), 'accepted'],
  ['the last good one', bare({ lastGood: kept('good') }), 'good'],
  ['one that can be gone back to', bare({ history: [kept('before')] }), 'before'],
])('an image of %s stays', (_name, record, id) => {
  expect(imagesToRemove({ records: [record], pulled: pulled(id, 'other'), inUse })).toEqual(['other'])
})

test('an image of a container stays', () => {
  expect(imagesToRemove({ records: [], pulled: pulled('a', 'b'), inUse: new Set(['a']) })).toEqual(['b'])
})

test('what was just pulled for an accepted deployment stays, though no record has its id, and the clock went back', () => {
  const records = [bare()]
  const first = { id: 'before', reference: 'shop:1', at: 2 }
  const second = { id: 'fresh', reference: 'shop:1', at: 1 }
  expect(imagesToRemove({ records, pulled: [first, second], inUse })).toEqual(['before'])
})

test('what another app needs stays', () => {
  const records = [bare({ app: 'a' }), bare({ app: 'b', lastGood: kept('shared') })]
  expect(imagesToRemove({ records, pulled: pulled('shared'), inUse })).toEqual([])
})

test('an image goes when its release leaves the history', () => {
  const record = bare({ history: [kept('before')] })
  const after = withHistory(record, { outcome: 'succeeded', at: 1 }, 1)
  expect(imagesToRemove({ records: [after], pulled: pulled('before'), inUse })).toEqual(['before'])
})

test.each([
  ['its own name', ['shop:1'], ['shop@sha256:a'], ['shop:1'], 'shop:1'],
  ['a name written otherwise', ['shop:latest'], [], ['docker.io/library/shop'], 'shop:latest'],
  ['its own name, not that of somebody else', ['other:1', 'shop:1'], [], ['shop:1'], 'shop:1'],
  ['nothing of somebody else', ['other:1'], ['shop@sha256:a', 'other@sha256:a'], ['gone:1'], undefined],
  ['the digest that was left when the tag moved', [], ['shop@sha256:a'], ['shop:1'], 'shop@sha256:a'],
  [
    'the digest under the name of a mirror',
    [],
    ['mirror:5000/library/shop@sha256:a'],
    ['shop@sha256:a'],
    'mirror:5000/library/shop@sha256:a',
  ],
  ['no digest that another tag of the repository has too', ['shop:2'], ['shop@sha256:a'], ['shop:1'], undefined],
  ['no digest of somebody else', [], ['other@sha256:a'], ['shop:1'], undefined],
  ['its id, without any name', [], [], ['shop:1'], 'sha256:id'],
])('an image goes by %s', (_name, names, digests, references, expected) => {
  expect(nextName({ id: 'sha256:id', names, digests }, references, { '*': ['mirror:5000'] })).toBe(expected)
})
