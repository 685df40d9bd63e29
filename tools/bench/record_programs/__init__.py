"""Programs that use tenant_bedrock as an application would, in the ways that can cost a record or hang.

Each is run as a process of its own: ``python -m tools.bench.record_programs.NAME``. They use only the
public interface of the package, and import nothing else of this project.
"""
