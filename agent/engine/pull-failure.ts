/** What an engine says of a pull that failed, to codes of ours. Branching on text ends here: the API has no codes. Pure. */
import type { Code } from '../../src/protocol/codes.ts'
import { registryOf } from '../translate/registry.ts'

/** First match wins: Docker Hub says "denied" and "does not exist" in one sentence, and either may be so. */
const patterns: readonly (readonly [RegExp, Code])[] = [
  [/no space left on device|disk quota exceeded/i, 'disk-full'],
  [/no matching manifest for|no match for platform|image operating system ".*" cannot be used/i, 'wrong-platform'],
  [/toomanyrequests|too many requests|HTTP (status: )?429|rate limit/i, 'registry-busy'],
  [
    /unauthorized|no basic auth credentials|access denied|access to the resource is denied|(?<!permission )denied:|forbidden|HTTP (status: )?40[13]\b/i,
    'registry-unauthorized',
  ],
  [
    /manifest .*(unknown|not found)|manifest unknown|name unknown|not known to registry|repository .*not found|repository does not exist|no such image|: not found$|HTTP (status: )?404\b/i,
    'image-not-found',
  ],
]

/** undefined: none of those that say more than that it failed. */
export const pullCodeOf = (said: string): Code | undefined => patterns.find(([pattern]) => pattern.test(said))?.[1]

/** What an operator can do about it, where the registry has a name that helps. */
export const pullAdvice = (code: Code, reference: string): string => {
  const registry = registryOf(reference)
  switch (code) {
    case 'registry-unauthorized':
      return `; if the name is right, ${registry} wants other credentials: longshore secret set _registry ${registry} --device ID`
    case 'registry-busy':
      return `; ${registry} asks for patience`
    default:
      return ''
  }
}
