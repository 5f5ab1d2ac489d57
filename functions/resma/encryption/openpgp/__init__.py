"""Encryption of files for their receivers by OpenPGP (RFC 9580, RFC 4880), with the library Sequoia PGP.

Only the modules of this package know the library, whose interface is not stable yet (`pysequoia`, version 0.1).
"""
