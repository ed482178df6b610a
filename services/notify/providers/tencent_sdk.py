"""Tencent Cloud's own SDK, as far as it is used: an action by its name, with its errors told apart.

Its async client stands on httpx. It takes half a second to import, so that only who uses Tencent imports this.
"""

import logging
import re
from typing import Any, Final

import httpx
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111 import models
from tencentcloud.sms.v20210111.sms_client_async import SmsClient

from services.notify.channels import OutcomeUnknown, Technical
from services.notify.providers.codes import codes_of

__all__ = ["Sdk"]

STRANGE: Final = re.compile(r"^(ServerNetworkError|Client\w*Error)$")
"""What it calls answers and requests that it does not understand."""

logging.getLogger("tencentcloud_sdk_common").setLevel(logging.ERROR)  # at DEBUG it writes requests, with their numbers


class Sdk:
    """`timeout` is in seconds, to connect and for a reply."""

    def __init__(
        self, endpoint: str, protocol: str, region: str, secret_id: str, secret_key: str, *, timeout: float
    ) -> None:
        http = HttpProfile(protocol=protocol, endpoint=endpoint, reqTimeout=timeout, keepAlive=True)
        # Its region breaker would send a request again elsewhere.
        profile = ClientProfile(httpProfile=http, disable_region_breaker=True)
        self._client = SmsClient(Credential(secret_id, secret_key), region, profile)

    async def ask(self, action: str, **fields: Any) -> Any:
        """What is answered to an action of this name, with the fields of its request.

        Raises what a refusal means, and OutcomeUnknown. Nothing of an error is passed on: its text may hold the
        request.
        """
        request = getattr(models, f"{action}Request")()
        for name, value in fields.items():
            setattr(request, name, value)
        try:
            return await getattr(self._client, action)(request)
        except TencentCloudSDKException as error:
            code = str(error.code)
            if STRANGE.match(code):
                raise OutcomeUnknown(f"tencent {code}") from None
            raise codes_of("tencent").answered(code) from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Technical(f"tencent {type(error).__name__}") from None
        except Exception as error:
            raise OutcomeUnknown(f"tencent {type(error).__name__}") from None

    async def close(self) -> None:
        await self._client.close()
