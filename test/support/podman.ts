/**
 * A Podman service of the test's own. It has namespaces of its own, so that neither its networks, locks nor mounts meet
 * those of the machine's engine or of another Podman, and all of it ends with one process.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeExampleImage } from '../../src/engine-setup/make-image.ts'
import { ensurePackages } from '../../src/engine-setup/packages.ts'
import { requestUnix } from '../../src/engine-setup/unix-http.ts'
import { withLock } from '../../src/engine-setup/with-lock.ts'
import { eventually } from './eventually.ts'

export type RunningPodman = {
  readonly socketPath: string
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Started, with the example image in it. */
export const startPodman = async (): Promise<RunningPodman> => {
  await withLock('longshore-podman-setup', { timeoutMs: 300_000 }, () =>
    ensurePackages(['podman', 'netavark', 'aardvark-dns', 'runc', 'iproute2', 'iptables'], {
      install: true,
      say: (line) => void process.stdout.write(`set-up: ${line}\n`),
    }),
  )
  const folder = await mkdtemp(join(tmpdir(), 'longshore-podman-'))
  const socketPath = join(folder, 'podman.sock')
  const logFile = join(folder, 'log')
  await writeFile(join(folder, 'containers.conf'), await configText(folder))
  const place = ['--root', join(folder, 'data'), '--runroot', join(folder, 'run'), '--tmpdir', join(folder, 'tmp')]
  const child = spawn(
    'unshare',
    // Killed with its parent, the first process of a pid namespace takes all others along.
    ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', inNamespace, folder, ...place],
    {
      stdio: 'ignore',
      env: { ...process.env, CONTAINERS_CONF: join(folder, 'containers.conf'), SOCKET: `unix://${socketPath}` },
    },
  )
  const ended = once(child, 'exit')
  const stop = async (): Promise<void> => {
    // The containers first: the control groups of what is killed would stay behind.
    await endContainers(socketPath).catch(() => undefined)
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
  try {
    await eventually('the private Podman to answer', async () => {
      if (child.exitCode !== null) return true
      return (await requestUnix({ socketPath, path: '/_ping' })).status === 200
    })
    if (child.exitCode !== null) throw new Error(`Podman did not start:\n${await readFile(logFile, 'utf8')}`)
    await makeExampleImage(socketPath)
  } catch (error) {
    await stop()
    throw error
  }
  return { socketPath, url: `unix://${socketPath}`, stop }
}

/** Podman keeps locks in /dev/shm and network namespaces in /run, whatever its own folders are. Its data is in memory. */
const inNamespace = `mkdir "$0/data" && mount -t tmpfs tmpfs "$0/data" &&
mount -t tmpfs tmpfs /dev/shm && mount -t tmpfs tmpfs /run && ip link set lo up &&
exec podman "$@" system service "$SOCKET" --time=0 >"$0/log" 2>&1`

const configText = async (folder: string): Promise<string> => {
  const limits = (await readFile('/proc/self/limits', 'utf8')).split('\n')
  // A container may not get more than this process has: that would need CAP_SYS_RESOURCE.
  const hard = (name: string): string => limits.find((line) => line.startsWith(name))?.split(/\s{2,}/)[2] ?? '1024'
  const files = hard('Max open files')
  const processes = hard('Max processes')
  return `[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
[network]
network_backend = "netavark"
network_config_dir = "${folder}/networks"
[containers]
log_driver = "k8s-file"
default_ulimits = ["nofile=${files}:${files}"${processes === 'unlimited' ? '' : `, "nproc=${processes}:${processes}"`}]
`
}

const endContainers = async (socketPath: string): Promise<void> => {
  const { text } = await requestUnix({ socketPath, path: '/containers/json?all=true' })
  const containers = JSON.parse(text) as { readonly Id: string }[]
  await Promise.all(
    containers.map(({ Id }) => requestUnix({ socketPath, method: 'DELETE', path: `/containers/${Id}?force=true` })),
  )
}

/** Whether this machine could run one at all: namespaces need root. */
export const canRunPodman = async (): Promise<boolean> => {
  if (process.getuid?.() !== 0) return false
  return access('/proc/self/ns/net').then(
    () => true,
    () => false,
  )
}
