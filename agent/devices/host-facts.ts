/** What the machine is, read once at start: systeminformation starts child processes, so never on a tick. */
import os from 'node:os'
import { defined } from '../../src/defined.ts'

export type HostFacts = {
  readonly hostname: string
  readonly os: { readonly name: string; readonly version: string; readonly kernel: string }
  readonly arch: string
  readonly model?: string
  readonly cpuCount: number
  readonly cpu?: { readonly model: string }
  readonly memoryBytes: number
}

export const readHostFacts = async (): Promise<HostFacts> => {
  const { default: systeminformation } = await import('systeminformation')
  const [osInfo, system] = await Promise.all([systeminformation.osInfo(), systeminformation.system()])
  const model = [system.manufacturer, system.model].filter((text) => text !== '' && text !== '-').join(' ')
  return {
    hostname: os.hostname(),
    os: { name: osInfo.distro || os.type(), version: osInfo.release, kernel: os.release() },
    arch: os.arch(),
    ...(model === '' ? {} : { model }),
    cpuCount: os.cpus().length,
    ...defined({ cpu: cpuOf(os.cpus()[0]?.model) }),
    memoryBytes: os.totalmem(),
  }
}

/** Arm processors tell no name. */
const cpuOf = (model: string | undefined): HostFacts['cpu'] | undefined => {
  const text = model?.trim() ?? ''
  return text === '' || text === 'unknown' ? undefined : { model: text }
}
