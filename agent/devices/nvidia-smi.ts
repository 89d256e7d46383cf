/** What only the driver's own program tells of NVIDIA GPUs: its output, read. Pure. */
import { defined } from '../../src/defined.ts'

export type NvidiaGpu = {
  readonly uuid: string
  readonly model?: string
  readonly memoryBytes?: number
  readonly driverVersion?: string
  readonly computeCapability?: string
}

export type NvidiaFacts = { readonly gpus: readonly NvidiaGpu[]; readonly cudaVersion?: string }

export const noNvidiaFacts: NvidiaFacts = { gpus: [] }

export const gpuQuery = [
  '--query-gpu=uuid,memory.total,driver_version,compute_cap,name',
  '--format=csv,noheader,nounits',
] as const

/** Its head names the CUDA version, which no query does. */
export const cudaQuery = ['-q', '-d', 'COMPUTE'] as const

const bytesPerMib = 1_048_576

/** Lines that are something else, such as a failure in words, are left out; so is what a GPU cannot tell. */
export const parseGpuQuery = (text: string): NvidiaGpu[] =>
  text.split('\n').flatMap((line) => {
    const [uuid = '', memory = '', driver = '', capability = '', ...name] = line.split(',').map((cell) => cell.trim())
    if (!/^GPU-[0-9a-f-]{8,}$/.test(uuid)) return []
    return [
      defined({
        uuid,
        // A comma may stand in it.
        model: known(name.join(', ').slice(0, 200)),
        memoryBytes: /^\d{1,9}$/.test(memory) ? Number(memory) * bytesPerMib : undefined,
        driverVersion: /^\d[\d.]*$/.test(driver) ? driver : undefined,
        computeCapability: /^\d+\.\d+$/.test(capability) ? capability : undefined,
      }),
    ]
  })

export const parseCudaQuery = (text: string): string | undefined =>
  /^CUDA Version\s*:\s*(\d+\.\d+)\s*$/m.exec(text)?.[1]

/** As [N/A] or [Not Supported]. */
const known = (cell: string): string | undefined => (cell === '' || cell.startsWith('[') ? undefined : cell)
