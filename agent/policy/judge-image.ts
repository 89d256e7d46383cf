/** May this image run here? Judged by the full name that an engine makes of it. Pure. */

import { registryOf } from '../translate/registry.ts'
import type { Refused } from './judge-host-path.ts'
import { covers } from './patterns.ts'
import type { PolicyInForce } from './policy-in-force.ts'

export const imageFault = (reference: string, { policy }: PolicyInForce): Refused | undefined => {
  const name = fullName(reference)
  if (!policy.images.some((pattern) => covers(pattern, name)))
    return { asks: `runs image ${reference}`, allow: `images: [${name}]` }
  if (policy.imageDigest && !/@sha256:[0-9a-f]{64}$/.test(reference))
    return { asks: `runs image ${reference}, which is not named by digest`, allow: 'imageDigest: false' }
  return undefined
}

/** `nginx:1` to `docker.io/library/nginx`. */
const fullName = (reference: string): string => {
  const [named = ''] = reference.split('@')
  const name = named.replace(/:[^:/]*$/, '')
  const path = name.replace(/^(index\.)?docker\.io\//, '')
  if (path === name && registryOf(name) !== 'docker.io') return name
  return `docker.io/${path.includes('/') ? path : `library/${path}`}`
}
