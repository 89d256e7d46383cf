/**
 * All files of a project as one tree: parsed, `include` and `extends` put in, merged in their order, without the
 * services of profiles that were not given. Pure: files come in as texts, others through the context.
 */
import { posix } from 'node:path'
import type { Authored } from './authored.ts'
import type { Context } from './context.ts'
import { withExtends } from './extends.ts'
import { type LoadIncluded, withIncludes } from './include.ts'
import { mergeAuthored } from './merge.ts'
import { parseYaml } from './parse-yaml.ts'
import { withActiveServices } from './profiles.ts'
import { type ProjectFolder, projectFiles } from './project-files.ts'
import { settle } from './settle.ts'

export type ComposeFile = {
  /** As it is shown to people. */
  readonly file: string
  readonly text: string
  /** Where it is, absolute or from the project folder; absent: nowhere, as standard input. */
  readonly path?: string
}

export type Project = ProjectFolder & {
  /** Merged in this order. */
  readonly files: readonly ComposeFile[]
  readonly profiles: readonly string[]
}

/** undefined: there is nothing to read, and the faults say why. */
export const loadProject = (project: Project, context: Context): Authored | undefined => {
  const files = projectFiles(project, context)
  const isOneOfSeveral = project.files.length > 1

  const whole = (tree: Authored, path: string, trail: readonly string[], inside: Context): Authored =>
    withExtends(withIncludes(tree, { files, context: inside, trail, load }), path, files, inside)

  const load: LoadIncluded = ({ paths, folder, lookup, trail }) => {
    const inside: Context = { ...context, lookup }
    const trees = paths.map(({ path, at }) => {
      const tree = files.tree(path, at, 'the included file', { folder, lookup, mayBeEmpty: paths.length > 1 })
      return tree === undefined ? undefined : whole(tree, path, trail, inside)
    })
    return merged(trees, context)
  }

  const trees = project.files.map(({ file, text, path }) => {
    const tree = parseYaml({ file, text, mayBeEmpty: isOneOfSeveral }, context)
    if (tree === undefined) return undefined
    const known = path === undefined ? undefined : files.pathOf(posix.normalize(path))
    return whole(tree, known ?? file, known === undefined ? [] : [known], context)
  })
  const tree = merged(trees, context)
  return tree === undefined ? undefined : settle(withActiveServices(tree, project.profiles, context), context)
}

/** undefined as soon as one of them is: what is missing in half a project would only mislead. */
const merged = (trees: readonly (Authored | undefined)[], context: Context): Authored | undefined => {
  const [first, ...others] = trees
  return others.reduce(
    (base, over) => (base === undefined || over === undefined ? undefined : mergeAuthored(base, over, context)),
    first,
  )
}
