/**
 * What ZooKeeper takes for a SASL user, in an ACL and from a client: a Kerberos name, `user[/host]@realm`, or anything
 * without `@`. Its empty name is nobody's and none here.
 */
export function isSaslName(name: string): boolean {
  return name !== "" && (!name.includes("@") || /^[^/@]*(\/[^/@]*)?@[^/@]*$/.test(name));
}
