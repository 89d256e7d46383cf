/** A Docker engine of the test's own, in network and mount namespaces of its own, which it may kill. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { makeExampleImage } from '../../src/engine-setup/make-image.ts'
import { requestUnix } from '../../src/engine-setup/unix-http.ts'
import { eventually } from './eventually.ts'

export type PrivateDockerd = {
  readonly url: string
  readonly socketPath: string
  readonly start: () => Promise<void>
  readonly kill: () => Promise<void>
  /** As a power cut: dockerd, containerd, shims and containers are gone at one moment. Only with processes of its own. */
  readonly cutPower: () => Promise<void>
}

export type PrivateDockerdOptions = {
  /** as `100m`: its disk, in memory */
  readonly diskSize?: string
  /** It reaches what listens on this machine. */
  readonly sharesNetwork?: boolean
  /** Its own view of the one hierarchy, in which the rules for devices are programs (eBPF). */
  readonly hasUnifiedCgroups?: boolean
  /** All of it in a process namespace, which ends as a whole; `kill` is not for such a one. */
  readonly hasOwnProcesses?: boolean
}

/** Started, with the example image in it. It has no bridge: containers use the network mode none. */
export const startPrivateDockerd = async (options: PrivateDockerdOptions = {}): Promise<PrivateDockerd> => {
  const { diskSize, sharesNetwork = false, hasOwnProcesses = false, hasUnifiedCgroups = false } = options
  const folder = await mkdtemp(join(tmpdir(), 'longshore-dockerd-'))
  const socketPath = join(folder, 'docker.sock')
  const pidFile = join(folder, 'docker.pid')
  let child: ChildProcess | undefined
  const bridge = sharesNetwork ? await makeBridge() : undefined

  const answers = async (): Promise<boolean> => (await requestUnix({ socketPath, path: '/_ping' })).status === 200

  const start = async (): Promise<void> => {
    const flags = [
      '-H',
      `unix://${socketPath}`,
      '--data-root',
      join(folder, 'data'),
      '--exec-root',
      join(folder, 'exec'),
      '-p',
      pidFile,
    ]
    // What a killed dockerd leaves would keep the next from starting.
    await rm(pidFile, { force: true })
    child = spawn(
      'unshare',
      [
        ...(sharesNetwork ? [] : ['--net']),
        '--mount',
        ...(hasOwnProcesses ? ownProcesses : []),
        '--',
        ...(hasUnifiedCgroups ? withUnifiedCgroups : []),
        'dockerd',
        ...flags,
        ...(hasUnifiedCgroups ? ['--storage-driver', 'vfs'] : []),
        '--bridge',
        bridge ?? 'none',
        '--iptables=false',
      ],
      { stdio: 'ignore' },
    )
    await eventually('the private dockerd to answer', answers, { timeoutMs: 40_000, everyMs: 50 })
  }
  /** False: there was none. */
  const killChild = async (): Promise<boolean> => {
    const ending = child
    child = undefined
    if (ending === undefined) return false
    const exited = once(ending, 'exit')
    ending.kill('SIGKILL')
    await exited
    return true
  }
  const containerdPidFile = join(folder, 'exec', 'containerd', 'containerd.pid')
  const cutPower = async (): Promise<void> => {
    if (await killChild()) await rm(containerdPidFile, { force: true })
  }
  /** SIGKILL, to dockerd and to the containerd that it started; containers run on. */
  const kill = async (): Promise<void> => {
    if (!(await killChild())) return
    const containerd = Number(await readFile(containerdPidFile, 'utf8').catch(() => ''))
    try {
      if (containerd > 0) process.kill(containerd, 'SIGKILL')
    } catch (error) {
      // It may have gone with its parent.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    await rm(containerdPidFile, { force: true })
  }
  onTestFinished(async () => {
    // A tidy end takes the containers along; then nothing holds the folder.
    if (hasOwnProcesses) await cutPower()
    if (child !== undefined) {
      const exited = once(child, 'exit')
      child.kill('SIGTERM')
      await exited
    }
    if (diskSize !== undefined) execFileSync('umount', ['--lazy', join(folder, 'data')])
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }, 60_000)
  if (diskSize !== undefined) {
    await mkdir(join(folder, 'data'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskSize}`, 'none', join(folder, 'data')])
  }
  await start()
  await makeExampleImage(socketPath)
  return { url: `unix://${socketPath}`, socketPath, start, kill, cutPower }
}

/** A bridge of its own: an engine that is to have none takes the one away that the machine's own engine has. */
const makeBridge = async (): Promise<string> => {
  const name = `lsd${process.pid}`
  const run = promisify(execFile)
  await run('ip', ['link', 'add', name, 'type', 'bridge'])
  onTestFinished(async () => {
    await run('ip', ['link', 'del', name])
  })
  await run('ip', ['addr', 'add', `10.213.${process.pid % 250}.1/24`, 'dev', name])
  return name
}

/** The first process of the namespace dies with the one that is killed here, and all others with it. */
const ownProcesses = ['--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc']

const withUnifiedCgroups = ['sh', '-c', 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', 'sh']
