/** What the authority makes, judged by OpenSSL and by Node: others must be able to use it. */
import { execFileSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { issueClient, issueServer, newAuthority, writeRevocationList } from '../../src/pki/authority.ts'
import { makeRequest, readRequest } from '../../src/pki/certificate-request.ts'
import { newKeyPem } from '../../src/pki/keys.ts'
import { digestOfKeyPem, fingerprintOf, isIssuedBy, readCertificate } from '../../src/pki/read-certificate.ts'
import { hashOfSecret, isSecret, newToken, readToken, tokenText } from '../../src/pki/token.ts'

const now = Date.now()
const dayMs = 86_400_000

const issueDevice = async (commonName = 'gw-17', notAfter = now + dayMs) => {
  const authority = await newAuthority(now)
  const key = await newKeyPem()
  const certificate = await issueClient(authority, {
    request: await makeRequest(key, commonName),
    commonName,
    notAfter,
  })
  return { authority, key, certificate }
}

test('a device certificate names the device, belongs to its key, and is good for a client alone', async () => {
  const { authority, key, certificate } = await issueDevice()
  const facts = readCertificate(certificate)
  expect(facts).toMatchObject({ commonName: 'gw-17', key: digestOfKeyPem(key) })
  expect(Math.abs(facts.notAfter - now - dayMs)).toBeLessThan(1_000)
  expect(isIssuedBy(certificate, authority.certificate)).toBe(true)
  expect(isIssuedBy(certificate, (await newAuthority(now)).certificate)).toBe(false)
  const read = new X509Certificate(certificate)
  expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  expect(read.ca).toBe(false)
  expect(new Date(read.validFrom).getTime()).toBe(0)
  expect(createPrivateKey(key).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
})

test('a server certificate has every name, and OpenSSL takes the chain, and knows what is revoked', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-pki-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { authority, certificate } = await issueDevice()
  const server = await issueServer(authority, ['broker.local', 'localhost', '192.0.2.7', '::1'], now)
  const read = new X509Certificate(server.certificate)
  for (const host of ['broker.local', 'localhost']) expect(read.checkHost(host)).toBe(host)
  for (const address of ['192.0.2.7', '::1']) expect(read.checkIP(address)).toBe(address)
  expect(read.checkPrivateKey(createPrivateKey(server.key))).toBe(true)

  const { serial } = readCertificate(certificate)
  await Promise.all([
    writeFile(join(folder, 'ca.pem'), authority.certificate),
    writeFile(join(folder, 'server.pem'), server.certificate),
    writeFile(join(folder, 'device.pem'), certificate),
    writeFile(join(folder, 'none.pem'), await writeRevocationList(authority, [], now)),
    writeFile(join(folder, 'crl.pem'), await writeRevocationList(authority, [{ serial, at: now }], now)),
  ])
  const verify = (file: string, purpose: string, list = 'none.pem'): string => {
    const options = ['-x509_strict', '-crl_check', '-CRLfile', list, '-purpose', purpose]
    try {
      return execFileSync('openssl', ['verify', '-CAfile', 'ca.pem', ...options, file], {
        cwd: folder,
        stdio: 'pipe',
      }).toString()
    } catch (error) {
      return (error as { stderr: Buffer }).stderr.toString()
    }
  }
  expect(verify('server.pem', 'sslserver')).toContain('OK')
  expect(verify('device.pem', 'sslclient')).toContain('OK')
  expect(verify('device.pem', 'sslserver')).toMatch(/purpose/)
  expect(verify('device.pem', 'sslclient', 'crl.pem')).toContain('certificate revoked')
  expect(verify('server.pem', 'sslserver', 'crl.pem')).toContain('OK')
})

test('a request is known by its key and its name; what is changed on its way, or is none, is refused', async () => {
  const key = await newKeyPem()
  const request = await makeRequest(key, 'gw-17')
  expect(await readRequest(request)).toEqual({ commonName: 'gw-17', key: digestOfKeyPem(key) })
  expect(await readRequest(await makeRequest(key, undefined))).toEqual({
    commonName: undefined,
    key: digestOfKeyPem(key),
  })
  const bytes = Buffer.from(request.split('\n').slice(1, -1).join(''), 'base64')
  const at = bytes.indexOf('gw-17')
  bytes.write('gw-18', at)
  const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----`
  expect(await readRequest(forged)).toBeUndefined()
  for (const text of ['', 'x', key]) expect(await readRequest(text)).toBeUndefined()
})

test('a token says who it is, its secret and its authority; it is known by a hash', async () => {
  const token = newToken(fingerprintOf((await newAuthority(now)).certificate))
  expect(readToken(` ${tokenText(token)}\n`)).toEqual(token)
  expect(isSecret(token.secret, hashOfSecret(token.secret))).toBe(true)
  expect(isSecret(newToken(token.authority).secret, hashOfSecret(token.secret))).toBe(false)
  for (const text of ['', 'longshore1.', tokenText(token).slice(0, -1), `${tokenText(token)}0`])
    expect(() => readToken(text)).toThrow(expect.objectContaining({ code: 'usage' }))
})
