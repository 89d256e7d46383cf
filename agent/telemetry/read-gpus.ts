/**
 * Reads the use of each GPU: AMD, Intel and others from sysfs, NVIDIA by one `nvidia-smi` a minute, and only where its
 * driver has a GPU that is awake. Nobody waits for that program: a sample has what it answered last.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { defined } from '../../src/defined.ts'
import { type GpuReading, parseUse, useQuery } from './parse-nvidia.ts'

export type GpuReaderInput = {
  /** where /proc and /sys are; tests describe other machines */
  readonly root: string
  /** Runs nvidia-smi, for a bounded time; resolves with what it printed. */
  readonly run: (parameters: readonly string[]) => Promise<string>
  /** ms of a clock that never jumps */
  readonly monotonicMs: () => number
}

/** By name, as the inventory has them. */
export type GpuReadings = Readonly<Record<string, GpuReading>>

const askEveryMs = 60_000
/** What was answered before is no longer how it is. */
const staleMs = 3 * askEveryMs

export const createGpuReader = ({ root, run, monotonicMs }: GpuReaderInput): (() => Promise<GpuReadings>) => {
  let answer: { readonly atMs: number; readonly bySlot: ReadonlyMap<string, GpuReading> } | undefined
  let askedAtMs = Number.NEGATIVE_INFINITY
  let isAsking = false

  const text = (path: string): Promise<string | undefined> => readFile(join(root, path), 'utf8').catch(() => undefined)
  const names = (path: string): Promise<string[]> => readdir(join(root, path)).catch(() => [])
  const number = async (path: string): Promise<number | undefined> => {
    const value = (await text(path))?.trim() ?? ''
    return /^-?\d+$/.test(value) ? Number(value) : undefined
  }

  const ask = async (): Promise<void> => {
    isAsking = true
    askedAtMs = monotonicMs()
    try {
      answer = { bySlot: parseUse(await run(useQuery)), atMs: monotonicMs() }
    } catch {
      // Whoever reads the inventory is told of it there; the next minute asks again.
    } finally {
      isAsking = false
    }
  }

  /** To ask would wake one that sleeps, and keep it awake. */
  const isAwake = async (slot: string): Promise<boolean> =>
    (await text(`sys/bus/pci/devices/${slot}/power/runtime_status`))?.trim() !== 'suspended'

  const readNvidia = async (): Promise<GpuReadings> => {
    const slots = await names('proc/driver/nvidia/gpus')
    if (slots.length === 0) return {}
    const awake = (await Promise.all(slots.map(isAwake))).some((is) => is)
    if (awake && !isAsking && monotonicMs() - askedAtMs >= askEveryMs) void ask()
    if (answer === undefined || monotonicMs() - answer.atMs > staleMs) return {}
    const { bySlot } = answer
    const found = await Promise.all(
      slots.map(async (slot) => {
        const reading = bySlot.get(slot.toLowerCase())
        const information = (await text(`proc/driver/nvidia/gpus/${slot}/information`)) ?? ''
        const minor = /^Device Minor:\s*(\d+)\s*$/m.exec(information)?.[1]
        return reading === undefined || minor === undefined ? [] : [[`nvidia${minor}`, reading] as const]
      }),
    )
    return Object.fromEntries(found.flat())
  }

  const readSysfs = async (): Promise<GpuReadings> => {
    const nodes = (await names('sys/class/drm')).filter((name) => /^renderD\d+$/.test(name))
    const found = await Promise.all(
      nodes.map(async (name) => {
        const reading = await readCard(`sys/class/drm/${name}/device`)
        return Object.keys(reading).length === 0 ? [] : [[name, reading] as const]
      }),
    )
    return Object.fromEntries(found.flat())
  }

  const readCard = async (device: string): Promise<GpuReading> => {
    const sensor = (await names(`${device}/hwmon`))[0]
    const of = (file: string) => (sensor === undefined ? undefined : number(`${device}/hwmon/${sensor}/${file}`))
    const [usePercent, memoryUsedBytes, milliCelsius, average, input] = await Promise.all([
      number(`${device}/gpu_busy_percent`),
      number(`${device}/mem_info_vram_used`),
      of('temp1_input'),
      of('power1_average'),
      of('power1_input'),
    ])
    const microWatts = average ?? input
    return defined({
      usePercent,
      memoryUsedBytes,
      celsius: milliCelsius === undefined ? undefined : Math.round(milliCelsius / 100) / 10,
      watts: microWatts === undefined ? undefined : Math.round(microWatts / 100_000) / 10,
    })
  }

  return async () => {
    const [bySysfs, byMaker] = await Promise.all([readSysfs(), readNvidia()])
    return { ...bySysfs, ...byMaker }
  }
}
