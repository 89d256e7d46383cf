/** Which registry an image reference is of. Pure. */

/**
 * Host and port; `docker.io` where the reference names none. The first part is a registry only if it has a dot, a port, or
 * is localhost, as every engine reads it.
 */
export const registryOf = (reference: string): string => {
  const [first = '', ...rest] = reference.split('/')
  return rest.length > 0 && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io'
}
