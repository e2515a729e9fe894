"""What commands report, as frozen records that the runners make and the faces print."""
