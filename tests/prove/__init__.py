"""The proofs of scripts/prove: each module but those whose name begins with an underscore is one."""
