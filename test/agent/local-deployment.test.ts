import { expect, test } from 'vitest'
import { policyInForce } from '../../agent/fixed-policy.ts'
import { localDeployment, platformFault } from '../../agent/local/local-deployment.ts'
import { accept } from '../../agent/reconcile/accept.ts'
import { type AppRecord, emptyRecord, type Verdict } from '../../agent/store/app-record.ts'
import type { Bundle } from '../../src/protocol/bundle.ts'
import { releaseDigest } from '../../src/protocol/digest.ts'
import { writePayload } from '../../src/protocol/payload.ts'
import { allFeatures } from '../support/hardware.ts'
import { modelOf } from '../support/models.ts'

const reference = 'longshore/example:1'
const [firstId, secondId] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`]

const bundleOf = (id: string, title = 'first'): Bundle => {
  const content = {
    compose: modelOf('shop', { web: { pull_policy: 'always', environment: { TITLE: title } } }),
    files: {},
  }
  const images = { [reference]: { id, platform: 'linux/amd64' } }
  return {
    format: 1,
    app: 'shop',
    release: releaseDigest(content),
    ...content,
    platform: 'linux/amd64',
    images,
    createdAt: 1,
    by: 'x',
  }
}

const input = (record: AppRecord, now = 1_000) => ({ device: 'gw-1', record, generationFloor: 0, now })

/** The record once a bundle was taken, and came to this. */
const taken = (bundle: Bundle, outcome?: Verdict['outcome'], before = emptyRecord('shop')): AppRecord => {
  const judged = accept({
    ...input(before),
    app: 'shop',
    payload: writePayload(localDeployment(bundle, input(before))),
    maxBytes: 100_000,
    others: [],
    policy: policyInForce(),
    deviceFeatures: allFeatures,
    keepReleases: 3,
    images: { [reference]: bundle.images[reference]?.id ?? '' },
  })
  if (judged.kind !== 'accepted') throw new Error(`it was ${judged.kind}`)
  const { accepted, ...rest } = judged.record
  if (accepted === undefined) throw new Error('nothing was accepted')
  return { ...rest, accepted: outcome === undefined ? accepted : { ...accepted, verdict: { outcome, at: 1 } } }
}

test('its generation is the time, and above everything that was seen or reported', () => {
  const fresh = emptyRecord('shop')
  expect(localDeployment(bundleOf(firstId), input(fresh)).generation).toBe(1_000)
  expect(localDeployment(bundleOf(firstId), input({ ...fresh, generationSeen: 5_000 })).generation).toBe(5_001)
  expect(localDeployment(bundleOf(firstId), { ...input(fresh), generationFloor: 7_000 }).generation).toBe(7_001)
})

test('the images that came with it count as resolved, whatever pull_policy says', () => {
  expect(taken(bundleOf(firstId)).accepted?.images).toEqual({ [reference]: firstId })
})

test('what runs, or is under way, is the same again', () => {
  for (const outcome of [undefined, 'succeeded'] as const) {
    const record = taken(bundleOf(firstId), outcome)
    expect(localDeployment(bundleOf(firstId), input(record)).generation).toBe(record.accepted?.deployment.generation)
  }
})

test('what failed is tried again, and another image under the same tag is something new', () => {
  const failed = taken(bundleOf(firstId), 'failed')
  expect(localDeployment(bundleOf(firstId), input(failed)).generation).toBe(1_001)
  const running = taken(bundleOf(firstId), 'succeeded')
  expect(localDeployment(bundleOf(secondId), input(running)).generation).toBe(1_001)
  expect(taken(bundleOf(secondId), undefined, running).accepted?.images).toEqual({ [reference]: secondId })
  expect(localDeployment(bundleOf(firstId, 'second'), input(running)).generation).toBe(1_001)
})

test('what was accepted over the broker and waits for its images is taken anew with them', () => {
  const { accepted, ...rest } = taken(bundleOf(firstId))
  const waiting = { ...rest, ...(accepted && { accepted: { ...accepted, images: {} } }) }
  expect(localDeployment(bundleOf(firstId), input(waiting)).generation).toBe(1_001)
})

test('an image for another machine is named, unless a service asks for just that', () => {
  const machine = { platform: 'linux/arm64' }
  expect(platformFault(bundleOf(firstId), { platform: 'linux/amd64' })).toBeUndefined()
  expect(platformFault(bundleOf(firstId), machine)).toEqual({
    code: 'wrong-platform',
    message: `image ${reference} of the bundle is for linux/amd64, this machine is linux/arm64`,
  })
  const emulated = { ...bundleOf(firstId), platform: 'linux/arm64' }
  expect(platformFault(emulated, machine)).toBeUndefined()
})
