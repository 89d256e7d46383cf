import { describe, expect, test } from 'vitest'
import { probeNodes } from '../../../agent/allot/lost-gpus.ts'
import { createGpuWatch } from '../../../agent/devices/gpu-watch.ts'
import { type Access, cgroupFolder } from '../../../agent/devices/open-as-container.ts'
import { readHardware } from '../../../agent/devices/read-devices.ts'
import { amd } from '../../fixtures/hosts/amd.ts'
import { twoNvidia } from '../../fixtures/hosts/two-nvidia.ts'
import { silent } from '../../support/agents.ts'
import { app, assignment, committed, serviceModel } from '../../support/builders.ts'
import { makeHost } from '../../support/host-tree.ts'
import { siteOf } from '../../support/sites.ts'

const id = 'c0ffee'.repeat(10)

describe('the rules for devices stand', () => {
  test.each([
    ['version 1', `5:cpu,cpuacct:/docker/${id}\n4:devices:/docker/${id}\n0::/x\n`, `/devices/docker/${id}`],
    ['version 2', `0::/system.slice/docker-${id}.scope\n`, `/system.slice/docker-${id}.scope`],
    ['not known: another process', '4:devices:/user.slice\n', undefined],
    ['not known: another namespace', `0::/../docker-${id}.scope\n`, undefined],
    ['not known: gone', '', undefined],
  ])('%s', (_, text, expected) => {
    expect(cgroupFolder(text, id)).toBe(expected)
  })
})

test('what is tried wakes no GPU of NVIDIA', async () => {
  const nodesOf = async (tree: Parameters<typeof makeHost>[0]) =>
    probeNodes((await readHardware(await makeHost(tree))).devices)
  expect(await nodesOf(twoNvidia)).toEqual(['/dev/nvidiactl'])
  expect(await nodesOf(amd)).toEqual(['/dev/dri/renderD128'])
})

describe('a container that lost its GPU', () => {
  const open = (gpu: object = { recreateWhenLost: true }) => {
    const state = { id: 'one', access: 'allowed' as Access, tries: 0 }
    const told: string[] = []
    const labels = () => ({ 'io.longshore.app': app, 'io.longshore.service': 'web', 'io.longshore.number': '1' })
    const record = committed(assignment(serviceModel({ web: { 'x-longshore': { gpu } } })))
    const watch = createGpuWatch({
      everyMs: 60_000,
      open: async () => {
        state.tries += 1
        return state.access
      },
      engine: {
        list: async () => ({
          containers: [{ id: state.id, labels: labels(), state: 'running' } as never],
          networks: [],
          volumes: [],
        }),
        details: async () => ({ pid: 7 }) as never,
      },
      agent: 'gw-1',
      records: () => [record],
      site: async () => siteOf(),
      onLost: (name) => told.push(name),
      log: silent,
    })
    const look = async (next: Partial<typeof state> = {}): Promise<readonly string[]> => {
      Object.assign(state, next)
      await watch.look()
      return [...watch.lost()]
    }
    return { look, told, state }
  }

  test('is made anew, once, and again when its successor loses its own', async () => {
    const { look, told } = open()
    expect(await look()).toEqual([])
    expect(await look({ access: 'denied' })).toEqual(['one'])
    expect(await look()).toEqual(['one'])
    expect(await look({ id: 'two', access: 'allowed' })).toEqual([])
    expect(await look({ access: 'denied' })).toEqual(['two'])
    expect(told).toEqual([app, app])
  })

  test('whose successor never had one is not made anew for ever', async () => {
    const { look, told } = open()
    await look({ access: 'denied' })
    expect(await look({ id: 'two' })).toEqual([])
    expect(await look()).toEqual([])
    expect(told).toEqual([app])
  })

  test('of which nothing is known is left alone', async () => {
    const { look, told } = open()
    expect(await look({ access: 'unknown' })).toEqual([])
    expect(told).toEqual([])
  })

  test('is not even looked at where the service does not say so', async () => {
    const { look, state } = open({})
    await look({ access: 'denied' })
    expect(state.tries).toBe(0)
  })
})
