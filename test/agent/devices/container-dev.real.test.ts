/** The /dev of a real container, reached from outside: only its own, whatever is planted in it. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type Docker from 'dockerode'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { type RunningContainer, withContainerDev } from '../../../agent/devices/container-dev.ts'
import { docker } from '../../support/agents.ts'
import { execIn } from '../../support/exec-in.ts'

/** A virtual console: a real driver, and none that an engine allows by itself. */
const console40 = { major: 4, minor: 40, gid: 5, mode: 0o660 }

const startContainer = async (hostConfig: Docker.HostConfig = {}): Promise<RunningContainer> => {
  const container = await docker().createContainer({
    Image: 'longshore/example:1',
    Cmd: ['sh', '-c', 'while :; do sleep 1; done'],
    HostConfig: { NetworkMode: 'none', DeviceCgroupRules: ['c 4:* rw'], CapDrop: ['MKNOD'], ...hostConfig },
  })
  onTestFinished(() => container.remove({ force: true }))
  await container.start()
  const { Id: id, State } = await container.inspect()
  return { id, pid: State.Pid }
}

const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length

describe('a node', () => {
  let container: RunningContainer
  beforeEach(async () => {
    container = await startContainer()
  })

  test('comes at its exact path, with its group and its mode, can be opened, and goes away', async () => {
    const before = await openFiles()
    await withContainerDev(container, async (dev) => {
      expect(await dev.read('ttyPLC')).toBeUndefined()
      await dev.attach('ttyPLC', console40)
      expect(await dev.read('ttyPLC')).toEqual({ major: 4, minor: 40 })
    })
    expect(await execIn(container.id, 'stat -c "%F %t:%T %a %u:%g" /dev/ttyPLC')).toBe(
      'character special file 4:28 660 0:5',
    )
    expect(await execIn(container.id, ': <>/dev/ttyPLC && echo opened')).toBe('opened')
    await withContainerDev(container, (dev) => dev.detach('ttyPLC'))
    expect(await execIn(container.id, 'ls /dev/ttyPLC 2>&1; ls -a /dev | grep longshore')).toContain('No such file')
    expect(await openFiles()).toBeLessThanOrEqual(before)
  })

  test('takes the place of another at once', async () => {
    await withContainerDev(container, async (dev) => {
      await dev.attach('ttyPLC', console40)
      await dev.attach('ttyPLC', { ...console40, minor: 41 })
      expect(await dev.read('ttyPLC')).toEqual({ major: 4, minor: 41 })
    })
  })

  test('one that an agent was killed over, half made, goes away with it', async () => {
    await withContainerDev(container, async (dev) => {
      await dev.attach('ttyPLC', console40)
      await dev.attach('.longshore-ttyPLC', console40)
      await dev.detach('ttyPLC')
      expect(await dev.read('.longshore-ttyPLC')).toBeUndefined()
    })
  })

  test('the container makes none itself, and opens no neighbour', async () => {
    await withContainerDev(container, (dev) => dev.attach('ttyPLC', console40))
    expect(await execIn(container.id, 'mknod /dev/neighbour c 4 41 2>&1 || mknod /tmp/n c 4 41 2>&1')).toContain(
      'not permitted',
    )
    expect(await execIn(container.id, 'ls /dev/tty41 /dev/tty1 2>&1')).toContain('No such file')
  })

  test('a name that is more than a name is refused', async () => {
    for (const name of ['../x', 'a/b', '..', '.', '', '/etc/x'])
      await expect(withContainerDev(container, (dev) => dev.attach(name, console40))).rejects.toThrow('plain name')
  })
})

describe('what a container plants', () => {
  test('links at its target, at the draft and under its target lead nowhere', async () => {
    const trap = await mkdtemp(join(tmpdir(), 'longshore-trap-'))
    onTestFinished(() => rm(trap, { recursive: true, force: true }))
    const container = await startContainer()
    await execIn(
      container.id,
      `ln -s ${trap}/target /dev/ttyPLC; ln -s ${trap}/draft /dev/.longshore-ttyPLC; ln -s ${trap} /dev/folder; mkdir /dev/dir`,
    )
    await withContainerDev(container, async (dev) => {
      expect(await dev.read('ttyPLC')).toBeUndefined()
      await dev.detach('ttyPLC')
      await dev.attach('ttyPLC', console40)
      expect(await dev.read('ttyPLC')).toEqual({ major: 4, minor: 40 })
      await dev.attach('folder', console40)
      // Its own trouble, and nobody else's.
      await expect(dev.attach('dir', console40)).rejects.toThrow()
      await dev.detach('dir')
    })
    expect(await readdir(trap)).toEqual([])
    expect(await execIn(container.id, 'ls -d /dev/dir')).toBe('/dev/dir')
  })

  test('files that are no nodes stay when a device goes', async () => {
    const container = await startContainer()
    await execIn(container.id, 'echo mine > /dev/ttyPLC')
    await withContainerDev(container, (dev) => dev.detach('ttyPLC'))
    expect(await execIn(container.id, 'cat /dev/ttyPLC')).toBe('mine')
  })

  test('programs in its /dev are never run, also where the search path begins with the folder itself', async () => {
    const trap = await mkdtemp(join(tmpdir(), 'longshore-trap-'))
    onTestFinished(() => rm(trap, { recursive: true, force: true }))
    const container = await startContainer()
    const plant = `printf '#!/bin/busybox sh\n: > ${trap}/run\n' > /dev/$name; chmod 755 /dev/$name`
    await execIn(container.id, `for name in sh mknod; do ${plant}; done`)
    const before = process.env.PATH
    onTestFinished(() => {
      process.env.PATH = before
    })
    process.env.PATH = `:.:${before}`
    await withContainerDev(container, (dev) => dev.attach('ttyPLC', console40)).catch(() => undefined)
    expect(await readdir(trap)).toEqual([])
  })

  test('links on the way to a node in a folder lead nowhere', async () => {
    const container = await startContainer()
    await execIn(container.id, 'mkdir /dev/plc; mv /dev/full /dev/plc/a; ln -s /dev /dev/outside')
    await withContainerDev(container, async (dev) => {
      expect(await dev.read('plc/a')).toEqual({ major: 1, minor: 7 })
      expect(await dev.read('outside/null')).toBeUndefined()
      expect(await dev.read('absent/a')).toBeUndefined()
      await expect(dev.attach('plc/a', console40)).rejects.toThrow('plain name')
    })
  })

  test('a /dev that is a volume is not entered', async () => {
    const volume = await mkdtemp(join(tmpdir(), 'longshore-volume-'))
    onTestFinished(() => rm(volume, { recursive: true, force: true }))
    // No container starts without one.
    await promisify(execFile)('mknod', ['-m', '666', join(volume, 'null'), 'c', '1', '3'])
    const container = await startContainer({ Binds: [`${volume}:/dev`] })
    await expect(withContainerDev(container, (dev) => dev.attach('ttyPLC', console40))).rejects.toThrow(
      'lies on a disk',
    )
  })

  test('a /dev that is a link, not a mount, or that of the device is not entered', async () => {
    const devOfHost = await startContainer({ Binds: ['/dev:/dev'] })
    await expect(withContainerDev(devOfHost, (dev) => dev.attach('ttyPLC', console40))).rejects.toThrow(
      'its /dev is that of the device',
    )
    const mounter: Docker.HostConfig = {
      CapAdd: ['SYS_ADMIN'],
      SecurityOpt: ['apparmor=unconfined', 'seccomp=unconfined'],
    }
    const unmount = 'umount /dev/pts /dev/shm /dev/mqueue; umount -l /dev'
    const unmounted = await startContainer(mounter)
    await execIn(unmounted.id, unmount)
    await expect(withContainerDev(unmounted, (dev) => dev.attach('ttyPLC', console40))).rejects.toThrow(
      'no mount of its own',
    )
    const linked = await startContainer(mounter)
    await execIn(linked.id, `${unmount}; mv /dev /dev.old && ln -s /tmp /dev`)
    await expect(withContainerDev(linked, (dev) => dev.attach('ttyPLC', console40))).rejects.toThrow('cannot be opened')
    expect(existsSync('/tmp/ttyPLC')).toBe(false)
  })
})

describe('a process', () => {
  test('of somebody else is noticed', async () => {
    const container = await startContainer()
    await expect(withContainerDev({ ...container, pid: process.pid }, async () => undefined)).rejects.toMatchObject({
      code: 'device-unfollowed',
      message: expect.stringContaining('none of its own'),
    })
  })

  test('that is gone is noticed, and nothing stays open', async () => {
    const container = await startContainer()
    await docker().getContainer(container.id).kill()
    const before = await openFiles()
    await expect(withContainerDev(container, async () => undefined)).rejects.toThrow('not seen from here (ENOENT)')
    expect(await openFiles()).toBeLessThanOrEqual(before)
  })

  test('whose number was given to another between two looks is noticed', async () => {
    // A /proc of the test's own: what stands there changes while it is read, as when a number is used again.
    const container = await startContainer()
    const proc = await mkdtemp(join(tmpdir(), 'longshore-proc-'))
    onTestFinished(() => rm(proc, { recursive: true, force: true }))
    const other = await startContainer()
    const own = join(proc, String(container.pid))
    await promisify(execFile)('mkdir', [own])
    await promisify(execFile)('mkfifo', [join(own, 'stat')])
    await symlink(`/proc/${container.pid}/cgroup`, join(own, 'cgroup'))
    await symlink(`/proc/${container.pid}/root`, join(own, 'root'))
    const stats = await Promise.all([container, other].map(({ pid }) => readFile(`/proc/${pid}/stat`, 'utf8')))
    const feed = (async () => {
      for (const stat of stats) {
        await promisify(execFile)('sh', ['-c', 'printf %s "$1" > "$2"', 'sh', stat, join(own, 'stat')])
        await delay(200) // until whoever read the first has seen its end
      }
    })()
    await expect(withContainerDev(container, async () => undefined, proc)).rejects.toThrow(
      'its process is another by now',
    )
    await feed
  })
})
