/** What `nvidia-smi` prints of the use of its GPUs, read. Pure. */
import { defined } from '../../src/defined.ts'

export type GpuReading = {
  readonly usePercent?: number
  readonly memoryUsedBytes?: number
  readonly celsius?: number
  readonly watts?: number
}

export const useQuery = [
  '--query-gpu=pci.bus_id,utilization.gpu,memory.used,temperature.gpu,power.draw',
  '--format=csv,noheader,nounits',
] as const

const bytesPerMib = 1_048_576

/** By the slot of the card, as the kernel writes it. Lines that are something else are left out, and so is what a GPU cannot tell. */
export const parseUse = (text: string): ReadonlyMap<string, GpuReading> =>
  new Map(
    text.split('\n').flatMap((line) => {
      const [slot = '', use, memory, celsius, watts] = line.split(',').map((cell) => cell.trim())
      const [, domain = '', rest] = /^([0-9a-f]{4,8})(:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/i.exec(slot) ?? []
      if (rest === undefined) return []
      const memoryMib = numberOf(memory)
      const reading = defined({
        usePercent: numberOf(use),
        memoryUsedBytes: memoryMib === undefined ? undefined : memoryMib * bytesPerMib,
        celsius: numberOf(celsius),
        watts: numberOf(watts),
      })
      return [[`${domain.slice(-4)}${rest}`.toLowerCase(), reading] as const]
    }),
  )

/** Not of [N/A] or [Unknown Error]. */
const numberOf = (cell = ''): number | undefined => (/^\d+(\.\d+)?$/.test(cell) ? Number(cell) : undefined)
