/**
 * Whether a running container may open any of some nodes: tried by a process that steps into its cgroup first, because the
 * rules of a cgroup cannot be read on version 2. It stays in the namespaces of the agent, so nothing in the image matters.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { RunningContainer } from './container-dev.ts'

/** `unknown`: it could not be tried, or there is another reason than the rules of the cgroup. */
export type Access = 'allowed' | 'denied' | 'unknown'

// No fork after the first line: the container may have no process left to make.
const script = `echo $$ >"$1/cgroup.procs" || exit 3
shift
for node; do true 3<"$node" && exit 0; done
exit 4`

const timeoutMs = 5_000
const cgroups = '/sys/fs/cgroup'

export const openAsContainer = async (
  container: RunningContainer,
  nodes: readonly string[],
  proc = '/proc',
): Promise<Access> => {
  const text = await readFile(`${proc}/${container.pid}/cgroup`, 'utf8').catch(() => '')
  const folder = cgroupFolder(text, container.id)
  if (folder === undefined || nodes.length === 0) return 'unknown'
  const options = { timeout: timeoutMs, killSignal: 'SIGKILL', env: { PATH: process.env.PATH, LC_ALL: 'C' } } as const
  try {
    await promisify(execFile)('sh', ['-c', script, 'sh', `${cgroups}${folder}`, ...nodes], options)
    return 'allowed'
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string }
    const lines = stderr.split('\n').filter((line) => line !== '')
    return code === 4 &&
      lines.length === nodes.length &&
      lines.every((line) => line.endsWith('Operation not permitted'))
      ? 'denied'
      : 'unknown'
  }
}

/**
 * Where the rules for devices of a container stand, below the mounts of cgroups; undefined: the process is another one by
 * now, or of a namespace that hides it. Pure.
 *
 * @param text of /proc/<pid>/cgroup
 */
export const cgroupFolder = (text: string, containerId: string): string | undefined => {
  const lines = text.split('\n').map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line))
  const ofDevices = lines.find((line) => line?.[1]?.split(',').includes('devices'))
  const [, , path] = ofDevices ?? lines.find((line) => line?.[1] === '') ?? []
  if (path === undefined || !path.includes(containerId) || path.split('/').includes('..')) return undefined
  return ofDevices === undefined ? path : `/devices${path}`
}
