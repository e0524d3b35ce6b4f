"""A claim is called a lease, as everywhere else."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("sync", "0005_company")]

    operations = [migrations.RenameModel(old_name="Claim", new_name="Lease")]
