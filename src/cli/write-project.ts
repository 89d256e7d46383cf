/** A deployment as a project folder that can be deployed again. */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Assignment } from '../protocol/deployment.ts'
import { LongshoreError } from '../protocol/reason.ts'

/**
 * Resolves with what to say of it. A Compose file that travelled, as where the project folder itself is mounted, is
 * written as it was: another one in its place would be another release.
 * @throws LongshoreError usage where something is in the folder already: nothing is written over
 */
export const writeProject = async (folder: string, text: string, files: Assignment['files']): Promise<string> => {
  await mkdir(folder, { recursive: true })
  if ((await readdir(folder)).length > 0)
    throw new LongshoreError('usage', `${folder} is not empty: name a folder that is new`)
  const composePath = join(folder, 'compose.yaml')
  const isOwn = Object.hasOwn(files, 'compose.yaml')
  if (!isOwn) await writeFile(composePath, text, { flag: 'wx' })
  for (const [path, { content, mode }] of Object.entries(files)) {
    // The paths were checked when the message was read: none leads out of the folder.
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), Buffer.from(content, 'base64'), { mode: Number.parseInt(mode, 8), flag: 'wx' })
  }
  const count = Object.keys(files).length
  return isOwn
    ? `${count} files, compose.yaml among them as it was deployed with`
    : `${composePath} and ${count} files beside it`
}
