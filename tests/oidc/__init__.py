"""An OpenID Connect provider for tests: oidc-provider for Node.js, which is certified by the OpenID Foundation."""
