namespace SkiaSharp;

// Values are SkiaSharp's; members that nothing here gives or takes are left out.
public enum SKColorType { Rgba8888 = 4 }

public enum SKAlphaType { Opaque = 1, Unpremul = 3 }

public enum SKCodecResult { Success = 0, IncompleteInput = 1, ErrorInInput = 2 }

public enum SKEncodedImageFormat { Png = 4 }

public enum SKEncodedOrigin { TopLeft = 1, TopRight, BottomRight, BottomLeft, LeftTop, RightTop, RightBottom, LeftBottom }
