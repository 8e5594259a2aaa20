"""Learn a wire profile: record what a client and AMT's server say, find each call's role, write and prove a profile.

Nothing of this is on a run's path. It needs the standard library and the connector's own readers, so that it is in
the release.
"""
