import { describe, expect, test } from 'vitest'
import { readState } from '../../src/fleet/read-state.ts'
import { topicsUnder } from '../../src/protocol/topics.ts'

const topics = topicsUnder('longshore')

const retained = (messages: Readonly<Record<string, object>>): Map<string, Buffer> =>
  new Map(Object.entries(messages).map(([topic, message]) => [topic, Buffer.from(JSON.stringify(message))]))

const status = (via?: readonly string[]) => ({ schema: 1, at: 1, online: true, session: 1, agent: '1', via })

const bridge = (site: string, online: boolean) => ({ schema: 1, at: 2, online, site, version: '1', instance: 'x' })

describe('a device behind a bridge', () => {
  test.each([
    ['is as it says while all bridges on the way are there', ['plant', 'region'], [], undefined],
    ['is unknown when the nearest is gone', ['plant', 'region'], ['plant'], 'plant'],
    ['is unknown when one further up is gone', ['plant', 'region'], ['region'], 'region'],
    ['is as it says when another is gone', ['plant'], ['region'], undefined],
    ['is as it says when it is behind none', undefined, ['plant', 'region'], undefined],
  ])('%s', (_, via, offline, site) => {
    const found = readState(
      topics,
      retained({
        [topics.status('gw-1')]: status(via),
        [topics.bridgeStatus('plant')]: bridge('plant', !offline.includes('plant' as never)),
        [topics.bridgeStatus('region')]: bridge('region', !offline.includes('region' as never)),
      }),
    )
    expect([...found.keys()]).toEqual(['gw-1'])
    expect(found.get('gw-1')?.silentBridge?.site).toBe(site)
  })
})
