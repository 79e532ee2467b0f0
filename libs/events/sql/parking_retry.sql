-- What failed is taken in again, once its defect is mended: its row goes in the transaction of its effects.

GRANT DELETE ON parked_record TO {service}_runtime;
CREATE POLICY parked_record_runtime_delete ON parked_record FOR DELETE TO {service}_runtime USING (reason = 'failed');
