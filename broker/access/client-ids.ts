/**
 * Whose a client id is: in MQTT who comes with the id of another throws it out, and gets what waits for it. Of a device it
 * is the device's own; any other belongs to who uses it, and to who left a session under it.
 */

export type ClientIdVerdict =
  | {
      readonly ok: true /** The session under it is somebody else's, and must go. */
      readonly isSessionStrange: boolean
    }
  | { readonly ok: false; readonly message: string }

/** undefined is a client without a name, on a listener that lets such in. Pure. */
export const judgeClientId = (input: {
  readonly clientId: string
  readonly user: string | undefined
  /** The only one that the user may have. */
  readonly ownId: string | undefined
  /** Who is connected under it. */
  readonly holder: { readonly user: string | undefined } | undefined
  /** Who left a session under it. */
  readonly session: { readonly owner: string | undefined } | undefined
}): ClientIdVerdict => {
  const { clientId, user, ownId, holder, session } = input
  if (ownId !== undefined && clientId !== ownId)
    return { ok: false, message: `the client id of this device is ${ownId}, not ${clientId}` }
  const isSessionStrange = session !== undefined && session.owner !== user
  if (ownId === clientId) {
    // What was kept before anybody had a name is the device's; its rights are judged at each delivery.
    return { ok: true, isSessionStrange: isSessionStrange && session.owner !== undefined }
  }
  if ((holder !== undefined && holder.user !== user) || (isSessionStrange && session.owner !== undefined))
    return { ok: false, message: `the client id ${clientId} is used by another user` }
  return { ok: true, isSessionStrange }
}
