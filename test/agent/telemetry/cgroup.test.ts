import { describe, expect, test } from 'vitest'
import { cgroupFilesOf, parseCgroupMounts, usageOf } from '../../../agent/telemetry/parse-cgroup.ts'

const second = '36 25 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n'
const first = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
81 80 0:29 / /elsewhere/memory rw - cgroup cgroup rw,memory
`

describe('where the files of a container are', () => {
  test('in version 2', () => {
    const files = cgroupFilesOf('0::/system.slice/docker-ab.scope\n', parseCgroupMounts(second), 'ab')
    expect(files).toMatchObject({
      version: 2,
      paths: { memory: '/sys/fs/cgroup/system.slice/docker-ab.scope/memory.current' },
    })
    expect(files?.paths).not.toHaveProperty('cpu')
  })

  test('in version 1, also where version 2 is mounted beside it, and of what is not mounted none', () => {
    const files = cgroupFilesOf(
      '9:name=systemd:/x\n8:pids:/docker/ab\n4:memory:/docker/ab\n2:cpu,cpuacct:/docker/ab\n0::/docker/ab\n',
      parseCgroupMounts(first),
      'ab',
    )
    expect(files?.version).toBe(1)
    expect(files?.paths).toEqual({
      cpu: '/sys/fs/cgroup/cpu,cpuacct/docker/ab/cpuacct.usage',
      cpuStat: '/sys/fs/cgroup/cpu,cpuacct/docker/ab/cpu.stat',
      memory: '/sys/fs/cgroup/memory/docker/ab/memory.usage_in_bytes',
      memoryStat: '/sys/fs/cgroup/memory/docker/ab/memory.stat',
      memoryLimit: '/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes',
      memoryEvents: '/sys/fs/cgroup/memory/docker/ab/memory.oom_control',
    })
  })

  test('under the part of a hierarchy that is mounted, and nowhere where it lies outside', () => {
    const mounts = parseCgroupMounts('36 25 0:30 /pod /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n')
    expect(cgroupFilesOf('0::/pod/ab\n', mounts, 'ab')?.paths.pids).toBe('/sys/fs/cgroup/ab/pids.current')
    expect(cgroupFilesOf('0::/podium/ab\n', mounts, 'ab')).toBeUndefined()
  })

  test.each([
    ['crun, for Podman', '0::/machine.slice/libpod-ab.scope/container\n', '/machine.slice/libpod-ab.scope'],
    ['a systemd in the container', '0::/system.slice/docker-ab.scope/init.scope\n', '/system.slice/docker-ab.scope'],
    ['a container in a container', '0::/docker/cd/docker/ab\n', '/docker/cd/docker/ab'],
  ])('of the whole container, whatever group its first process is in: %s', (_who, text, group) => {
    const files = cgroupFilesOf(text, parseCgroupMounts(second), 'ab')
    expect(files?.paths.memoryLimit).toBe(`/sys/fs/cgroup${group}/memory.max`)
  })

  test.each(['', 'nothing', '0::\n', '4:memory:relative\n'])('odd text of a process: %j', (text) => {
    expect(cgroupFilesOf(text, parseCgroupMounts(second), 'ab')).toBeUndefined()
  })
})

describe('what they say', () => {
  const netDev = 'Inter-|\n lo: 9 0 0 0 0 0 0 0 9 0 0 0 0 0 0 0\neth0: 100 0 0 0 0 0 0 0 30 0 0 0 0 0 0 0\n'

  test('in version 2', () => {
    const texts = {
      cpuStat: 'usage_usec 1500400\nuser_usec 1\nthrottled_usec 2000\n',
      memory: '1000000\n',
      memoryStat: 'anon 5\ninactive_file 400000\n',
      memoryLimit: 'max\n',
      memoryEvents: 'oom 3\noom_kill 2\n',
      io: '8:0 rbytes=4096 wbytes=10 rios=1\n8:16 rbytes=4 wbytes=1\n',
      pids: '12\n',
    }
    expect(usageOf(2, texts, netDev)).toEqual({
      ...{
        cpuMs: 1_500,
        throttledMs: 2,
        memoryBytes: 600_000,
        outOfMemoryKills: 2,
        readBytes: 4_100,
        writtenBytes: 11,
      },
      ...{ receivedBytes: 100, sentBytes: 30, pids: 12 },
    })
    expect(usageOf(2, { ...texts, memoryLimit: '65536\n' }, undefined)).toMatchObject({ memoryLimitBytes: 65_536 })
  })

  test('in version 1, where no limit is a very large one', () => {
    const texts = {
      cpu: '1500400000\n',
      cpuStat: 'nr_throttled 1\nthrottled_time 2000000\n',
      memory: '1000000\n',
      memoryStat: 'inactive_file 1\ntotal_inactive_file 400000\n',
      memoryLimit: '9223372036854771712\n',
      memoryEvents: 'oom_kill_disable 0\noom_kill 2\n',
      io: '8:0 Read 4096\n8:0 Write 10\n8:0 Total 4106\nTotal 4106\n',
      pids: '12\n',
    }
    expect(usageOf(1, texts, undefined)).toEqual({
      ...{
        cpuMs: 1_500,
        throttledMs: 2,
        memoryBytes: 600_000,
        outOfMemoryKills: 2,
        readBytes: 4_096,
        writtenBytes: 10,
      },
      pids: 12,
    })
  })

  test('nothing of what is missing or odd', () => {
    expect(usageOf(2, {}, undefined)).toEqual({})
    expect(usageOf(2, { cpuStat: 'what\n', memory: '', pids: 'max\n' }, 'no table')).toEqual({})
  })
})
