/** Updates at odd moments: what is kept to go back to, and what an agent's restart, an operator or a new deployment finds. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { historyVerb, releaseVerb } from '../../agent/commands/history-verbs.ts'
import { app, serviceModel } from '../support/builders.ts'
import { openDevice } from '../support/open-device.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const model = (a: string, web: object = {}) => serviceModel({ web: { environment: { A: a }, ...web }, db: {} })

describe('what one can go back to', () => {
  const open = async () => {
    const opened = await openDevice()
    const { device, controls, deploy, pass, report } = opened
    return {
      ...opened,
      bad: async (...values: Parameters<typeof device.deploy>) => {
        await deploy(...values)
        controls.exitContainer('shop-web-1', 3)
        await pass(10_500)
        expect(report()).toMatchObject({ outcome: 'rolled-back' })
      },
      release: (release?: string) => releaseVerb(device)({ app, ...(release === undefined ? {} : { release }) }),
      history: () => historyVerb(device)({ app }),
    }
  }

  test('is the release that runs, however many failed since', async () => {
    const { good, bad, release, history, record } = await open()
    await good(model('1'))
    for (const a of ['2', '3', '4']) await bad(model(a))
    expect(await release()).toMatchObject({ result: { generation: 1 } })
    expect(await release(record()?.lastGood?.release)).toMatchObject({ result: { generation: 1 } })
    expect(await history()).toMatchObject({
      result: {
        releases: [{ generation: 4 }, { generation: 3 }, { generation: 2 }, { generation: 1, isLastGood: true }],
      },
    })
    await good(model('5'))
    expect(await release()).toMatchObject({ result: { generation: 1 } })
  })

  test('is a release that succeeded once and failed later, with the images that it succeeded with', async () => {
    const { controls, good, bad, release, deploy } = await open()
    await good(model('1'))
    controls.addToRegistry('web:1', 'sha256:web2')
    await bad(model('1'), {}, { pull: true })
    await good(model('2'))
    expect(await release()).toMatchObject({ result: { generation: 1, outcome: 'succeeded' } })
    await deploy(model('1'), {}, { keepImages: true })
    expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:web1')
  })

  test('is a release that failed as well, with the images that it ran with', async () => {
    const { controls, good, bad, deploy, pass } = await open()
    controls.addImage('web:2', 'sha256:two')
    controls.addToRegistry('web:2', 'sha256:other')
    await good(model('1'))
    await bad(model('2', { image: 'web:2' }))
    await deploy(model('3', { image: 'web:2', pull_policy: 'always' }))
    await pass(500)
    expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:other')
    await deploy(model('2', { image: 'web:2' }), {}, { keepImages: true })
    expect(controls.container('shop-web-1').spec.imageId).toBe('sha256:two')
  })
})
