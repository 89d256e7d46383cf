/**
 * The head of a bundle: `bundle.json` as the first entry of a tar. What the engine saved follows as it came, so that the
 * whole is one tar whose size nobody had to know beforehand, and that `docker load` takes, too. Pure.
 */
import { writeTarEntry } from '../engine-setup/tar.ts'
import { type Bundle, bundleFormat, bundleSchema, longestManifestBytes } from '../protocol/bundle.ts'
import { releaseDigest } from '../protocol/digest.ts'
import { describeIssue } from '../protocol/payload.ts'
import { LongshoreError } from '../protocol/reason.ts'

export const blockBytes = 512

const manifestName = 'bundle.json'

export const writeHead = (bundle: Bundle): Buffer =>
  writeTarEntry({ kind: 'file', path: manifestName, mode: 0o644, content: Buffer.from(JSON.stringify(bundle)) })

/**
 * The length of `bundle.json`, from the first block of a file.
 * @throws LongshoreError bundle-invalid
 */
export const manifestBytes = (block: Buffer): number => {
  const [name = ''] = block.toString('latin1', 0, 100).split('\0')
  const size = /^[0-7]{11}$/.exec(block.toString('latin1', 124, 135))?.[0]
  if (block.length < blockBytes || name !== manifestName || size === undefined)
    throw invalid(`it does not begin with ${manifestName}`)
  const sizeBytes = Number.parseInt(size, 8)
  if (sizeBytes > longestManifestBytes) throw invalid(`its ${manifestName} is larger than any device takes`)
  return sizeBytes
}

/** Where the archive of the engine begins. */
export const archiveOffset = (sizeBytes: number): number => blockBytes + Math.ceil(sizeBytes / blockBytes) * blockBytes

/** @throws LongshoreError bundle-invalid, release-mismatch */
export const readManifest = (content: Uint8Array): Bundle => {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(content))
  } catch (error) {
    throw invalid(`its ${manifestName} is not JSON: ${(error as Error).message}`)
  }
  const format = (json as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format !== bundleFormat)
    throw invalid(`it has format ${format}, this version of Longshore reads ${bundleFormat}`)
  const result = bundleSchema.safeParse(json)
  if (!result.success) throw invalid(`its ${manifestName}: ${describeIssue(result.error).message}`)
  const digest = releaseDigest(result.data)
  if (digest !== result.data.release)
    throw new LongshoreError('release-mismatch', `the bundle names ${result.data.release}, its content has ${digest}`)
  return result.data
}

const invalid = (why: string): LongshoreError =>
  new LongshoreError('bundle-invalid', `no bundle that can be used: ${why}`)
