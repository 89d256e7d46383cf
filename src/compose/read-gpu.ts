/** `x-longshore.gpu` of a service, as it is written. */
import type { Reader } from './context.ts'
import { type GpuNeeds, gpuNeedsSchema } from './model-gpu.ts'
import { readShape } from './read-shape.ts'
import { readFilledText, readInteger, readSize, readSwitch, wrongType } from './read-values.ts'

const readVersions =
  (key: 'cuda' | 'computeCapability', example: string): Reader<string> =>
  (node, context) => {
    const text =
      node.kind === 'scalar'
        ? node.text
            .trim()
            .replace(/\s+/g, ' ')
            .replace(/([<>]=?) /g, '$1')
        : ''
    if (gpuNeedsSchema.safeParse({ [key]: text }).success) return text
    return wrongType(node, context, `a range of versions such as "${example}"`)
  }

const readVendor: Reader<string> = (node, context) => {
  const text = readFilledText(node, context)?.toLowerCase()
  if (text === undefined || gpuNeedsSchema.safeParse({ vendor: text }).success) return text
  return wrongType(node, context, 'a vendor such as nvidia, amd or intel')
}

const readKeys = readShape('longshoreGpu', {
  vendor: readVendor,
  count: readInteger(1, 64),
  memory: (node, context) => {
    const sizeBytes = readSize(node, context)
    return sizeBytes === 0 ? wrongType(node, context, 'a size such as 6g') : sizeBytes
  },
  cuda: readVersions('cuda', '>=12'),
  computeCapability: readVersions('computeCapability', '>=7.5'),
  recreateWhenLost: readSwitch,
})

/** An empty one asks for any GPU. */
export const readGpuNeeds: Reader<GpuNeeds> = (node, context) => {
  const needs = readKeys(node, context) as GpuNeeds | undefined
  if (needs === undefined || needs.count !== 1) return needs
  const { count: _, ...rest } = needs
  return rest
}
