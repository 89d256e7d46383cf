/** By which name an image is taken away: only by those that it has from us. Pure. */
import type { EngineImage } from '../engine/engine.ts'
import { fullReference, mirrorReferences, type RegistryMirrors, repositoryOf } from '../translate/registry.ts'

/**
 * The next name to be taken away, until there is none: an image goes with its last one, and stays where somebody else
 * gave it another. A nameless one goes by its id.
 * @param references under which this agent brought it
 */
export const nextName = (
  { id, names, digests }: Pick<EngineImage, 'id' | 'names' | 'digests'>,
  references: readonly string[],
  mirrors: RegistryMirrors,
): string | undefined => {
  const own = references.flatMap((reference) => [reference, ...mirrorReferences(reference, mirrors)])
  const ownNames = new Set(own.map(fullReference))
  const ownRepositories = new Set(own.map(repositoryOf))
  const name = names.find((other) => ownNames.has(fullReference(other)))
  if (name !== undefined) return name
  const repositoriesOfOthers = new Set(names.map(repositoryOf))
  const digest = digests.find(
    (other) => ownRepositories.has(repositoryOf(other)) && !repositoriesOfOthers.has(repositoryOf(other)),
  )
  return digest ?? (names.length === 0 && digests.length === 0 ? id : undefined)
}
