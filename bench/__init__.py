"""Speed and memory, measured: `python -m bench`. Each module measures one subject and returns rows for the report."""
