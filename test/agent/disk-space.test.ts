/** How much must stay free, when a pull does not fit, and what is said of it. */
import { expect, test } from 'vitest'
import { agentConfigSchema } from '../../agent/config.ts'
import { neededBytes, reserveBytes, spaceFault, spaceText } from '../../agent/disk/disk-space.ts'
import { engineDisk } from '../../agent/disk/engine-disk.ts'
import { simulatedEngine } from '../../agent/engine/simulated.ts'

test.each([
  [undefined, 1e9, 256e6],
  [undefined, 20e9, 1e9],
  [undefined, 1e12, 2e9],
  [100, 1e12, 100],
  [0, 1e9, 0],
  ['10%', 4e9, 4e8],
  ['2.5%', 4e9, 1e8],
])('a reserve of %s on a disk of %d bytes is %d', (setting, total, expected) => {
  expect(reserveBytes(setting, total)).toBe(expected)
})

const disk = (freeBytes: number) => ({ path: '/var/lib/docker', freeBytes, reserveBytes: 256e6 })

test.each([
  [256e6, 0, undefined],
  [256e6 - 1, 0, 'pull of a:1: 256 MB free on /var/lib/docker, 256 MB must stay free'],
  [12e6, 0, 'pull of a:1: 12 MB free on /var/lib/docker, 256 MB must stay free'],
  [0, 0, 'pull of a:1: 0 kB free on /var/lib/docker, 256 MB must stay free'],
  [1e9, 744e6, undefined],
  [1e9, 1.3e9, 'pull of a:1 needs about 1.3 GB: 1.0 GB free on /var/lib/docker, 256 MB must stay free'],
])('%d bytes free and %d needed', (free, needed, message) => {
  expect(spaceFault(disk(free), 'pull of a:1', needed)?.message).toBe(message)
})

test('what is told compressed takes two and a half times as much', () => {
  expect(neededBytes({ currentBytes: 20, totalBytes: 100 })).toEqual({ bytes: 250, remainingBytes: 200 })
})

const config = { device: 'd', broker: 'mqtt://h' }
test.each([[1_000_000], [0], ['5%'], ['12.5%']])('diskReserve: %s is taken', (diskReserve) => {
  expect(agentConfigSchema.parse({ ...config, diskReserve }).diskReserve).toBe(diskReserve)
})
test.each([[-1], ['5'], ['100%'], ['1GB'], [true]])('diskReserve: %s is refused', (diskReserve) => {
  expect(agentConfigSchema.safeParse({ ...config, diskReserve }).success).toBe(false)
})

const engine = simulatedEngine({ now: () => 0 })
const readStatfs = async () => ({ bsize: 4096, blocks: 1_000_000, bavail: 1_000 })

test('the disk is that of the data root of the engine', async () => {
  const read = engineDisk({ engine, engineUrl: 'unix:///run/docker.sock', reserve: '10%', readStatfs })
  expect(await read()).toEqual({ path: '/', freeBytes: 4_096_000, reserveBytes: 409_600_000 })
  expect(spaceText((await read()) as never)).toBe('4 MB free on /, 410 MB must stay free')
})

test.each([
  ['an engine on another machine', 'tcp://10.0.0.1:2375', readStatfs],
  [
    'a path that cannot be read',
    'unix:///run/docker.sock',
    async () => {
      throw new Error('ENOENT')
    },
  ],
])('%s cannot be told', async (_name, engineUrl, readStatfs) => {
  expect(await engineDisk({ engine, engineUrl, reserve: undefined, readStatfs })()).toBeUndefined()
})
