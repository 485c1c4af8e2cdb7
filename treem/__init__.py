"""The recurring work of a child-protection plan ("trẻ em": children), without Prefect."""
