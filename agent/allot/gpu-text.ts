/** GPUs, and what is asked of them, in words for people. Pure. */
import type { HostDevice } from '../../src/protocol/host-device.ts'
import type { GpuAsk } from './gpu-asks.ts'

export const askText = ({ ids, count, needs }: Pick<GpuAsk, 'ids' | 'count' | 'needs'>): string => {
  const least = count === 'all' ? needs.count : count
  const noun =
    ids !== undefined ? `GPU ${ids.join(', ')}` : least === undefined || least === 1 ? 'a GPU' : `${least} GPUs`
  const wishes = [
    needs.memory === undefined ? [] : [`${gibibytes(needs.memory)} of memory`],
    needs.cuda === undefined ? [] : [`CUDA ${needs.cuda}`],
    needs.computeCapability === undefined ? [] : [`compute capability ${needs.computeCapability}`],
  ].flat()
  return [
    noun,
    ...(needs.vendor === undefined ? [] : [`of ${needs.vendor}`]),
    ...(wishes.length === 0 ? [] : [`with ${wishes.join(' and ')}`]),
  ].join(' ')
}

export const gpusText = (gpus: readonly HostDevice[]): string =>
  gpus.length === 0 ? 'none' : gpus.map(gpuText).join(', ')

const gpuText = ({ name, model, gpu }: HostDevice): string => {
  const facts = [
    model ?? gpu?.vendor,
    gpu?.memoryBytes === undefined ? undefined : gibibytes(gpu.memoryBytes),
    gpu?.cudaVersion === undefined ? undefined : `CUDA ${gpu.cudaVersion}`,
    gpu?.computeCapability === undefined ? undefined : `compute capability ${gpu.computeCapability}`,
  ].filter((fact) => fact !== undefined)
  return facts.length === 0 ? name : `${name} (${facts.join(', ')})`
}

export const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`
