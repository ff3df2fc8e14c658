// What the content security policy was asked for and refused, in this page or worker.

export const violations = [];

addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, disposition }) => {
  if (disposition === 'enforce') violations.push(`${effectiveDirective} ${blockedURI}`);
});
