"""The lab: everything with which a site tries the connector before AMT is at stake. No part of the lean release.

It treats the connector as its users do, as a program that is started; only the simulator is part of it.
"""
