/** Through which bridges the status of a device came, in the message itself: whoever reads it knows whose silence makes it doubtful. Pure. */

/**
 * With the site behind those that stand there already. What is no JSON object goes on as it is, and so does what came through
 * the site before: in a circle that nobody has found out yet it comes to rest.
 */
export const addVia = (payload: Buffer, site: string): Buffer => {
  const status = readObject(payload)
  if (status === undefined) return payload
  const before = Array.isArray(status.via) ? status.via : []
  if (before.includes(site)) return payload
  return Buffer.from(JSON.stringify({ ...status, via: [...before, site] }))
}

export const readObject = (payload: Buffer): Record<string, unknown> | undefined => {
  try {
    const json: unknown = JSON.parse(payload.toString())
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
