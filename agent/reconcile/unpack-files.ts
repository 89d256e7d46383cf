/** The files of a deployment, taken apart: contents by digest, each of which is what it says. Pure. */
import type { ReleaseFile } from '../../src/protocol/deployment.ts'
import type { Reason } from '../../src/protocol/reason.ts'
import { type ReleaseFiles, sha256Of } from '../translate/project-mounts.ts'

export type Unpacked =
  | { readonly files: ReleaseFiles; readonly contents: ReadonlyMap<string, Uint8Array> }
  | { readonly reason: Reason }

export const unpackFiles = (packed: Readonly<Record<string, ReleaseFile>>): Unpacked => {
  const contents = new Map<string, Uint8Array>()
  const files: Record<string, ReleaseFiles[string]> = {}
  for (const [path, { content, sha256, mode }] of Object.entries(packed)) {
    const bytes = Buffer.from(content, 'base64')
    if (sha256Of(bytes) !== sha256) return refused(path, 'its content has another digest than it says')
    const folder = folderThatIsFile(path, packed)
    if (folder !== undefined) return refused(path, `it lies in ${folder}, which is a file`)
    contents.set(sha256, bytes)
    files[path] = { sha256, mode }
  }
  return { files, contents }
}

const folderThatIsFile = (path: string, packed: Readonly<Record<string, unknown>>): string | undefined => {
  const steps = path.split('/')
  return steps
    .slice(1)
    .map((_, index) => steps.slice(0, index + 1).join('/'))
    .find((folder) => Object.hasOwn(packed, folder))
}

const refused = (path: string, why: string): Unpacked => ({
  reason: { code: 'file-mismatch', message: `file ${path}: ${why}`, path: `files.${path}` },
})
